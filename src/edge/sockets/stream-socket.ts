/**
 * The only wrapper over Bun's sockets. It owns what was not yet taken by the kernel and knows Bun's traps: partial
 * writes, drain that fires for nothing, end() that drops data, half close by shutdown(), throws inside handlers.
 * Writes made during one socket event are gathered (write-batch.ts), so a head and its body leave together.
 */
import type { Socket } from 'bun';
import { assert } from '../../base/errors.ts';
import { Backlog, release } from './backlog.ts';
import { secured } from './server-tls.ts';
import { closeSafely, HANDLERS, reasonOf, TLS_HANDLERS } from './socket-handlers.ts';
import type { ServerTls, SocketOwner } from './socket-owner.ts';
import {
  BATCHED_BYTES_MAX,
  type BatchedSocket,
  batchBytes,
  batchText,
  flushBatch,
  flushBatchOf,
  forgetBatchOf,
} from './write-batch.ts';

export type { ServerTls, SocketOwner } from './socket-owner.ts';
export { asOneEvent } from './write-batch.ts';

const PEER_WATCH_MS = 60_000;

export class StreamSocket implements BatchedSocket {
  #owner: SocketOwner;
  #onHandshake: ServerTls['onHandshake'] | null = null;
  #socket: Socket<StreamSocket> | null = null;
  readonly #backlog = new Backlog();
  #isPaused = false;
  #isShutdownWanted = false;
  #isShutdown = false;
  #isDestroyed = false;
  #isClosed = false;
  /** Of a tunnel: where what comes goes at once, past both owners. */
  #onward: StreamSocket | null = null;
  /** Bytes that came, and that left, in that way. */
  #relayedInBytes = 0;
  #relayedOutBytes = 0;

  constructor(owner: SocketOwner) {
    this.#owner = owner;
  }

  /** Connects; the outcome is `onOpen` or `onClosed`. A deadline is the owner's business: destroy() ends the try. */
  static dial(owner: SocketOwner, host: string, port: number): StreamSocket {
    const stream = new StreamSocket(owner);
    // A failure may arrive here, as connectError, or both ways: closed() hears the first.
    Bun.connect({ hostname: host, port, socket: HANDLERS, data: stream, allowHalfOpen: true }).catch(
      (error: unknown) => closeSafely(stream, reasonOf(error)),
    );
    return stream;
  }

  get isOpen(): boolean {
    return this.#socket !== null && !this.#isDestroyed && !this.#isClosed;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  /** Of what was owed, so far: it grows as long as the peer reads. */
  get takenBytes(): number {
    return this.#backlog.takenBytes;
  }

  get relayedInBytes(): number {
    return this.#relayedInBytes;
  }

  get relayedOutBytes(): number {
    return this.#relayedOutBytes;
  }

  get remoteAddress(): string {
    const address = this.#socket?.remoteAddress ?? '';
    return address.startsWith('::ffff:') ? address.slice(7) : address;
  }

  /** From now on another one hears what happens. */
  handTo(owner: SocketOwner): this {
    this.#owner = owner;
    return this;
  }

  /**
   * Goes on as a TLS server; nothing may have been written before. From here on bytes are those within TLS, and the
   * socket underneath, of which Bun tells as well, is nobody's.
   */
  secure(tls: ServerTls): void {
    const socket = this.#socket;
    assert(socket !== null && this.isOpen, 'only an open connection is secured');
    this.#onHandshake = tls.onHandshake;
    this.#socket = secured(socket, TLS_HANDLERS, tls, NOBODY);
    // A pause was the raw socket's.
    this.#isPaused = false;
  }

  /** Characters above 255 must not occur. */
  writeText(text: string): void {
    if (!this.#isWritable()) return;
    if (text.length > BATCHED_BYTES_MAX) {
      this.writeBytes(Buffer.from(text, 'latin1'));
      return;
    }
    batchText(this, text);
  }

  writeBytes(bytes: Buffer, from = 0, to = bytes.length): void {
    if (from === to || !this.#isWritable()) return;
    if (to - from > BATCHED_BYTES_MAX) {
      flushBatch();
      this.#push(bytes, from, to);
      return;
    }
    batchBytes(this, bytes, from, to);
  }

  /** All of what a socket received, which nobody looks at again: a large one is empty afterwards. */
  writeReceived(bytes: Buffer): void {
    this.writeBytes(bytes);
    release(bytes);
  }

  pause(): void {
    if (this.#isPaused || !this.isOpen) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused || !this.isOpen) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  /** Lets the kernel find out that a silent peer is gone: for tunnels, which have no time limit. */
  watchPeer(): void {
    this.#socket?.setKeepAlive(true, PEER_WATCH_MS);
  }

  /**
   * From here on each passes on what it receives to the other at once, one write for each piece. Their owners hear only
   * what the other does not take, and of everything as before once a side has said that it will send nothing more.
   */
  relayWith(other: StreamSocket): void {
    this.#onward = other;
    other.#onward = this;
  }

  /** Sends FIN once everything written has been taken; reading goes on. */
  shutdown(): void {
    if (this.#isShutdownWanted || !this.isOpen) return;
    this.#isShutdownWanted = true;
    flushBatchOf(this);
    if (this.#backlog.bytes === 0) this.#sendFin();
  }

  /** Closes in both directions with FIN. Only when nothing is written or owed any more: it drops the rest. */
  finish(): void {
    if (this.#isDestroyed) return;
    flushBatchOf(this);
    if (this.#backlog.bytes > 0) {
      this.shutdown();
      return;
    }
    this.#isDestroyed = true;
    this.#socket?.end();
  }

  /** Resets the connection, or gives up connecting. What was not taken is dropped. */
  destroy(): void {
    if (this.#isDestroyed || this.#isClosed) return;
    this.#isDestroyed = true;
    this.#dropUnsent();
    if (this.#socket === null) this.closed('abandoned');
    else this.#socket.terminate();
  }

  /** For the handlers. */
  opened(socket: Socket<StreamSocket>): void {
    this.#socket = socket;
    if (this.#isClosed || this.#isDestroyed) socket.terminate();
    else this.#owner.onOpen();
  }

  received(bytes: Buffer): void {
    if (this.#isDestroyed) return;
    const { length } = bytes;
    if (this.#onward?.takesRelayed(bytes)) this.#relayedInBytes += length;
    else this.#owner.onData(bytes);
  }

  /** For the other side of a relay: takes what that received; false: its owner must see to it. */
  takesRelayed(bytes: Buffer): boolean {
    // What was written before in this event goes first.
    flushBatch();
    if (this.#backlog.bytes > 0 || this.#socket === null || !this.#isWritable()) return false;
    const { length } = bytes;
    const taken = this.#socket.write(bytes, 0, length);
    if (taken >= 0 && taken < length) this.#owe(bytes, taken, length);
    this.#relayedOutBytes += length;
    release(bytes);
    return true;
  }

  /** Of the TLS handshake. */
  shaken(isDone: boolean): void {
    const tell = this.#onHandshake;
    this.#onHandshake = null;
    if (!this.#isDestroyed && !this.#isClosed) tell?.(isDone);
  }

  drained(): void {
    if (this.#isDestroyed || this.#backlog.bytes === 0) return;
    assert(this.#socket !== null, 'what has a backlog has a socket');
    if (!this.#backlog.sendTo(this.#socket)) return;
    if (this.#isShutdownWanted) this.#sendFin();
    this.#owner.onWritable();
  }

  peerEnded(): void {
    this.#endRelay();
    if (!this.#isDestroyed) this.#owner.onPeerEnd();
  }

  closed(reason: string | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endRelay();
    this.#dropUnsent();
    this.#owner.onClosed(reason);
  }

  failed(error: unknown): void {
    this.destroy();
    this.#owner.onBug(error);
  }

  /** For the batch. */
  take(bytes: Buffer, to: number): void {
    this.#push(bytes, 0, to);
  }

  #isWritable(): boolean {
    return this.isOpen && !this.#isShutdownWanted;
  }

  #push(bytes: Buffer, from: number, to: number): void {
    const socket = this.#socket;
    if (socket === null || this.#isDestroyed || this.#isClosed) return;
    let taken = 0;
    if (this.#backlog.bytes === 0) {
      taken = socket.write(bytes, from, to - from);
      if (taken === to - from) return;
      // Closed under us: the close event tells the owner.
      if (taken < 0) return;
    }
    this.#owe(bytes, from + taken, to);
  }

  #owe(bytes: Buffer, from: number, to: number): void {
    const wasClear = this.#backlog.bytes === 0;
    this.#backlog.add(bytes, from, to);
    if (wasClear) this.#owner.onClogged();
  }

  #endRelay(): void {
    if (this.#onward === null) return;
    this.#onward.#onward = null;
    this.#onward = null;
  }

  #sendFin(): void {
    if (this.#isShutdown) return;
    this.#isShutdown = true;
    this.#socket?.shutdown();
  }

  #dropUnsent(): void {
    this.#backlog.clear();
    forgetBatchOf(this);
  }
}

/** Has heard its last: for sockets underneath TLS, which Bun tells of as well. */
const NOBODY = new StreamSocket({
  onOpen() {},
  onData() {},
  onClogged() {},
  onWritable() {},
  onPeerEnd() {},
  onClosed() {},
  onBug() {},
});
NOBODY.destroy();
