/**
 * The only wrapper over Bun's sockets. It owns what was not yet taken by the kernel and knows Bun's traps: partial
 * writes, drain that fires for nothing, end() that drops data, half close by shutdown(), throws inside handlers.
 * Writes made during one socket event are gathered, so a head and its body leave in one system call.
 */
import type { SecureContext } from 'node:tls';
import type { Socket, SocketHandler } from 'bun';
import { assert } from '../../base/errors.ts';

/** What a connection object must be able to hear. Methods of one object: no closures per connection. */
export interface SocketOwner {
  onOpen(): void;
  /** `bytes` belongs to the receiver. */
  onData(bytes: Buffer): void;
  /** The peer reads too slowly: stop producing until `onWritable`. */
  onClogged(): void;
  onWritable(): void;
  /** The peer will send nothing more (FIN); writing still works. */
  onPeerEnd(): void;
  /** Exactly once, last; also when a connect fails. `reason` is null after an orderly end. */
  onClosed(reason: string | null): void;
  /** A bug threw inside a handler; the socket has been destroyed. */
  onBug(error: unknown): void;
}

/** What a connection needs to go on as a TLS server. */
export interface ServerTls {
  readonly context: SecureContext;
  /** ALPN (RFC 7301): the one protocol that was chosen; null: the client asked for none. */
  readonly protocol: string | null;
  /** What has come already, from the ClientHello on. */
  readonly received: Buffer;
  /** Once, unless the connection is closed before: whether the handshake succeeded. */
  onHandshake(isDone: boolean): void;
}

/** What Bun's `upgradeTLS` takes as node:tls of the same Bun calls it, and its types do not know. */
interface TlsUpgrade {
  readonly isServer: true;
  readonly allowHalfOpen: true;
  readonly data: StreamSocket;
  readonly socket: SocketHandler<StreamSocket, 'buffer'>;
  readonly initialData: Buffer;
  readonly tls: { readonly secureContext: unknown; readonly ALPNProtocols?: Buffer };
}

interface Upgradable {
  upgradeTLS(options: TlsUpgrade): [raw: Socket<StreamSocket>, tls: Socket<StreamSocket>];
}

/** Native, and missing from the types: `write(text, at, 'latin1')` without its argument checks. */
interface Latin1Writer {
  latin1Write(text: string, at: number): number;
}

/** Copying more than this into the batch costs more than a system call of its own. */
const BATCHED_BYTES_MAX = 16 * 1024;
const BATCH_BYTES = 64 * 1024;
const PEER_WATCH_MS = 60_000;

/** Shared by all sockets of the thread: a batch never outlives the event that made it. */
const batch = Buffer.allocUnsafeSlow(BATCH_BYTES) as Buffer & Latin1Writer;
let batchLength = 0;
let batchSocket: StreamSocket | null = null;
let eventDepth = 0;

export class StreamSocket {
  #owner: SocketOwner;
  #onHandshake: ServerTls['onHandshake'] | null = null;
  #socket: Socket<StreamSocket> | null = null;
  #backlog: Buffer[] = [];
  #backlogBytes = 0;
  /** How much of the first part has been taken. */
  #backlogFrom = 0;
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
    return this.#backlogBytes;
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
  secure({ context, protocol, received, onHandshake }: ServerTls): void {
    const socket = this.#socket;
    assert(socket !== null && this.isOpen, 'only an open connection is secured');
    this.#onHandshake = onHandshake;
    const tls = {
      secureContext: context.context,
      ...(protocol && { ALPNProtocols: protocolList(protocol) }),
    };
    const upgrade = { isServer: true, allowHalfOpen: true, data: this, socket: TLS_HANDLERS } as const;
    const [raw, secured] = (socket as unknown as Upgradable).upgradeTLS({
      ...upgrade,
      initialData: received,
      tls,
    });
    raw.data = NOBODY;
    this.#socket = secured;
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
    this.#claimBatch(text.length);
    batchLength += batch.latin1Write(text, batchLength);
    if (eventDepth === 0) flushBatch();
  }

  writeBytes(bytes: Buffer, from = 0, to = bytes.length): void {
    if (from === to || !this.#isWritable()) return;
    if (to - from > BATCHED_BYTES_MAX) {
      flushBatch();
      this.#push(bytes, from, to);
      return;
    }
    this.#claimBatch(to - from);
    bytes.copy(batch, batchLength, from, to);
    batchLength += to - from;
    if (eventDepth === 0) flushBatch();
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
    if (batchSocket === this) flushBatch();
    if (this.#backlogBytes === 0) this.#sendFin();
  }

  /** Closes in both directions with FIN. Only when nothing is written or owed any more: it drops the rest. */
  finish(): void {
    if (this.#isDestroyed) return;
    if (batchSocket === this) flushBatch();
    if (this.#backlogBytes > 0) {
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

  /** For the handlers below. */
  opened(socket: Socket<StreamSocket>): void {
    this.#socket = socket;
    if (this.#isClosed || this.#isDestroyed) socket.terminate();
    else this.#owner.onOpen();
  }

  received(bytes: Buffer): void {
    if (this.#isDestroyed) return;
    if (this.#onward !== null && this.#onward.#passes(bytes)) this.#relayedInBytes += bytes.length;
    else this.#owner.onData(bytes);
  }

  /** Of the TLS handshake. */
  shaken(isDone: boolean): void {
    const tell = this.#onHandshake;
    this.#onHandshake = null;
    if (!this.#isDestroyed && !this.#isClosed) tell?.(isDone);
  }

  drained(): void {
    if (this.#isDestroyed || this.#backlogBytes === 0) return;
    while (this.#backlogBytes > 0) {
      const part = this.#backlog[0];
      assert(part !== undefined && this.#socket !== null, 'a backlog has parts and a socket');
      const taken = this.#socket.write(part, this.#backlogFrom, part.length - this.#backlogFrom);
      if (taken < 0) return;
      this.#backlogFrom += taken;
      this.#backlogBytes -= taken;
      if (this.#backlogFrom < part.length) return;
      this.#backlog.shift();
      this.#backlogFrom = 0;
    }
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

  /** For flushBatch. */
  take(bytes: Buffer, to: number): void {
    this.#push(bytes, 0, to);
  }

  #isWritable(): boolean {
    return this.isOpen && !this.#isShutdownWanted;
  }

  #claimBatch(needed: number): void {
    if (batchSocket !== this || batchLength + needed > BATCH_BYTES) flushBatch();
    batchSocket = this;
  }

  #push(bytes: Buffer, from: number, to: number): void {
    const socket = this.#socket;
    if (socket === null || this.#isDestroyed || this.#isClosed) return;
    let taken = 0;
    if (this.#backlogBytes === 0) {
      taken = socket.write(bytes, from, to - from);
      if (taken === to - from) return;
      // Closed under us: the close event tells the owner.
      if (taken < 0) return;
    }
    this.#owe(bytes, from + taken, to);
  }

  #owe(bytes: Buffer, from: number, to: number): void {
    const wasClear = this.#backlogBytes === 0;
    // A copy: the batch is reused, and a slice would keep a large buffer alive for a few bytes.
    this.#backlog.push(Buffer.from(bytes.subarray(from, to)));
    this.#backlogBytes += to - from;
    if (wasClear) this.#owner.onClogged();
  }

  /** Takes what the other side of a tunnel received; false: its owner must see to it. */
  #passes(bytes: Buffer): boolean {
    // What was written before in this event goes first.
    if (batchLength > 0) flushBatch();
    if (this.#backlogBytes > 0 || this.#socket === null || !this.#isWritable()) return false;
    const taken = this.#socket.write(bytes, 0, bytes.length);
    if (taken >= 0 && taken < bytes.length) this.#owe(bytes, taken, bytes.length);
    this.#relayedOutBytes += bytes.length;
    return true;
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
    this.#backlog = [];
    this.#backlogBytes = 0;
    this.#backlogFrom = 0;
    if (batchSocket !== this) return;
    batchSocket = null;
    batchLength = 0;
  }
}

/** Runs `body` as one socket event: what it writes is gathered, and sent when it returns. */
export function asOneEvent(body: () => void): void {
  eventDepth++;
  try {
    body();
  } finally {
    endEvent();
  }
}

function endEvent(): void {
  eventDepth--;
  assert(eventDepth >= 0, 'socket events are balanced');
  if (eventDepth === 0) flushBatch();
}

function flushBatch(): void {
  const socket = batchSocket;
  if (socket === null) return;
  const length = batchLength;
  batchSocket = null;
  batchLength = 0;
  if (length > 0) socket.take(batch, length);
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}

function closeSafely(stream: StreamSocket, reason: string | null): void {
  eventDepth++;
  try {
    stream.closed(reason);
  } catch (bug) {
    stream.failed(bug);
  } finally {
    endEvent();
  }
}

/** Shared by every socket; the wrapper travels in `socket.data`. */
const HANDLERS: SocketHandler<StreamSocket, 'buffer'> = {
  binaryType: 'buffer',
  open(socket) {
    eventDepth++;
    try {
      socket.data.opened(socket);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  data(socket, bytes) {
    eventDepth++;
    try {
      socket.data.received(bytes);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  drain(socket) {
    eventDepth++;
    try {
      socket.data.drained();
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  end(socket) {
    eventDepth++;
    try {
      socket.data.peerEnded();
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  close(socket, error) {
    closeSafely(socket.data, error === undefined || error === null ? null : reasonOf(error));
  },
  connectError(socket, error) {
    closeSafely(socket.data, reasonOf(error));
  },
  error(socket, error) {
    socket.data.failed(error);
  },
};

const TLS_HANDLERS: SocketHandler<StreamSocket, 'buffer'> = {
  ...HANDLERS,
  open() {
    // It was open before.
  },
  handshake(socket, isDone) {
    eventDepth++;
    try {
      socket.data.shaken(isDone);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
};

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

/** As ALPN writes them: each with its length before it. */
function protocolList(protocol: string): Buffer {
  return Buffer.from(`${String.fromCharCode(protocol.length)}${protocol}`, 'latin1');
}

/** The handlers of accepted sockets: `accept` makes the owner, everything else is the same. */
export function acceptingHandlers(
  accept: (make: (owner: SocketOwner) => StreamSocket) => void,
): SocketHandler<StreamSocket, 'buffer'> {
  return {
    ...HANDLERS,
    open(socket) {
      eventDepth++;
      try {
        accept((owner) => {
          const stream = new StreamSocket(owner);
          socket.data = stream;
          return stream;
        });
        socket.data.opened(socket);
      } catch (error) {
        socket.data.failed(error);
      } finally {
        endEvent();
      }
    },
  };
}
