/**
 * One HTTP/2 connection to a target, shared by exchanges. Owns its socket, its deadline, and the exchanges that wait
 * until it is open; which target it belongs to, and whether it is kept, is its keeper's business.
 */
import { NOWHERE } from '../../base/roster.ts';
import { ERROR } from '../http2/frames.ts';
import { Session, type SessionOwner } from '../http2/session.ts';
import type { SessionLimits } from '../http2/session-limits.ts';
import type { DeadlineOwner } from '../sockets/deadline-sweep.ts';
import { type SocketOwner, StreamSocket } from '../sockets/stream-socket.ts';
import type { UpstreamAddress, UpstreamContext } from './upstream-connection.ts';
import type { UpstreamStream } from './upstream-stream.ts';

/** Who keeps sessions: told when one of its own is gone. */
export interface SessionKeeper {
  onSessionGone(session: TargetSession): void;
}

export class TargetSession implements SocketOwner, SessionOwner, DeadlineOwner {
  dueMs: number;
  sweepPlace = NOWHERE;
  readonly #context: UpstreamContext;
  readonly #keeper: SessionKeeper;
  readonly #socket: StreamSocket;
  readonly #session: Session;
  readonly #waiting = new Set<UpstreamStream>();
  #phase: 'connecting' | 'open' | 'gone' = 'connecting';
  #isRetired = false;
  #useCount = 0;
  /** A PING is on its way, and nothing has come since. */
  #isAsking = false;

  constructor(
    context: UpstreamContext,
    keeper: SessionKeeper,
    address: UpstreamAddress,
    limits: SessionLimits,
  ) {
    this.#context = context;
    this.#keeper = keeper;
    this.dueMs = context.sweep.nowMs + context.limits.connectMs;
    context.sweep.add(this);
    this.#socket = StreamSocket.dial(this, address.host, address.port);
    this.#session = new Session(false, this.#socket, context.sweep, limits, this);
  }

  get isIdle(): boolean {
    return this.#phase === 'open' && this.#session.streams.size === 0;
  }

  /** One more exchange may use it, at once or when it is open. */
  get hasRoom(): boolean {
    if (this.#phase === 'gone' || this.#isRetired) return false;
    if (this.#phase === 'connecting') return this.#waiting.size < this.#session.peerStreamsMax;
    return this.#session.mayOpen;
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** The user hears `onUpstreamOpen` where it has to wait for that. */
  take(stream: UpstreamStream): void {
    if (this.#phase === 'open') {
      this.#bind(stream);
      return;
    }
    this.#waiting.add(stream);
    stream.waits(() => this.#waiting.delete(stream));
  }

  /** No new exchange uses it; it goes when the last one is over. */
  retire(): void {
    this.#isRetired = true;
    if (this.#phase === 'open') this.#review();
    else if (this.#phase === 'connecting' && this.#waiting.size === 0) this.#gone('retired');
  }

  onOpen(): void {
    this.#session.begin();
  }

  /** What the target allows is known: who speaks no HTTP/2 never gets so far. */
  #open(): void {
    this.#phase = 'open';
    for (const stream of [...this.#waiting]) {
      this.#waiting.delete(stream);
      this.#bind(stream);
    }
    this.#review();
  }

  onData(bytes: Buffer): void {
    this.#isAsking = false;
    this.#session.receive(bytes);
    this.#review();
  }

  onRequest(): void {
    // Targets ask for nothing: a stream of theirs is an error of the session.
  }

  onSettled(): void {
    if (this.#phase === 'connecting' && this.#session.hasSettings) this.#open();
    else this.#review();
  }

  onFailed(): void {
    this.#gone('a broken session');
  }

  onClogged(): void {
    // Streams hear of what they could not send.
  }

  onWritable(): void {
    this.#session.writable();
  }

  onPeerEnd(): void {
    this.#gone('the connection was closed');
  }

  onClosed(reason: string | null): void {
    this.#gone(reason ?? 'the connection was closed');
  }

  onBug(error: unknown): void {
    this.#context.onError(error);
    this.#gone('an internal error');
  }

  onDeadline(): void {
    if (this.#phase === 'connecting') this.#gone('no connection in time');
    else if (this.#session.streams.size === 0) this.#leave();
    else if (this.#isAsking) this.#gone('no answer to a PING');
    else {
      this.#isAsking = true;
      this.#session.ping();
      this.dueMs = this.#context.sweep.nowMs + this.#context.limits.upstreamPongMs;
    }
  }

  #bind(stream: UpstreamStream): void {
    stream.bind(this.#session.open(), this.#useCount++);
    this.#review();
  }

  #review(): void {
    if (this.#phase !== 'open') return;
    const { limits, sweep } = this.#context;
    const isIdle = this.#session.streams.size === 0;
    if (isIdle && (this.#isRetired || this.#session.isDone)) this.#leave();
    else if (!this.#isAsking)
      this.dueMs = sweep.nowMs + (isIdle ? limits.upstreamIdleMs : limits.upstreamPingMs);
  }

  /** In good order. */
  #leave(): void {
    if (this.#phase === 'gone') return;
    this.#session.leaveNow();
    this.#end();
    if (this.#socket.backlogBytes > 0) this.#socket.destroy();
    else this.#socket.finish();
  }

  #gone(reason: string): void {
    if (this.#phase === 'gone') return;
    this.#end();
    this.#socket.destroy();
    this.#session.end(ERROR.internal);
    for (const stream of [...this.#waiting]) stream.refuse(reason);
    this.#waiting.clear();
  }

  #end(): void {
    this.#phase = 'gone';
    this.#context.sweep.remove(this);
    this.#keeper.onSessionGone(this);
  }
}
