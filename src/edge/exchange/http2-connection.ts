/**
 * One client's HTTP/2 connection: a session over a socket, a StreamClient for each request. Owns the connection's
 * deadline and how it ends; requests are the business of their streams.
 */
import { NOWHERE } from '../../base/roster.ts';
import { ERROR } from '../http2/frames.ts';
import type { RequestFields } from '../http2/message-fields.ts';
import { Session, type SessionOwner } from '../http2/session.ts';
import type { SessionLimits } from '../http2/session-limits.ts';
import type { Stream } from '../http2/stream.ts';
import type { EdgeLimits } from '../limits.ts';
import type { DeadlineOwner } from '../sockets/deadline-sweep.ts';
import { asOneEvent, type SocketOwner, type StreamSocket } from '../sockets/stream-socket.ts';
import type { ClientAddress } from './client-address.ts';
import type { EdgeCore } from './edge-core.ts';
import type { OpenClient } from './open-client.ts';
import { StreamClient, type StreamHost } from './stream-client.ts';
import type { Arrival } from './tls-arrival.ts';

const NEVER = Number.POSITIVE_INFINITY;

type Phase = 'open' | 'lingering' | 'gone';

export class Http2Connection implements SocketOwner, SessionOwner, StreamHost, OpenClient, DeadlineOwner {
  dueMs: number;
  sweepPlace = NOWHERE;
  clientPlace = NOWHERE;
  readonly address: ClientAddress;
  readonly #core: EdgeCore;
  readonly #socket: StreamSocket;
  readonly #session: Session;
  readonly #capKey: string;
  #phase: Phase = 'open';
  /** When what has begun must be complete; 0: nothing has. */
  #middleDueMs = 0;
  /** When it is closed unless a request comes; 0: some are under way. */
  #idleDueMs = 0;
  #takenBytes = 0;
  #lingeredBytes = 0;
  #hasClientEnded = false;

  /** It has been let in already. */
  constructor(core: EdgeCore, make: (owner: SocketOwner) => StreamSocket, arrival: Arrival) {
    this.#core = core;
    this.address = arrival.address;
    this.#capKey = arrival.capKey;
    this.#socket = make(this);
    this.#session = new Session(true, this.#socket, core.sweep, sessionLimits(core.limits), this);
    this.dueMs = core.sweep.nowMs + core.limits.requestHeadMs;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  get sentBytes(): number {
    return this.#session.sentBytes;
  }

  onOpen(): void {
    const { clients, sweep, isDraining } = this.#core;
    clients.add(this);
    sweep.add(this);
    this.#session.begin();
    if (isDraining) this.#session.leave();
    this.#review();
  }

  onData(bytes: Buffer): void {
    if (this.#phase !== 'open') {
      this.#lingeredBytes += bytes.length;
      if (this.#lingeredBytes > this.#core.limits.lingerBytesMax) this.abort();
      return;
    }
    this.#session.receive(bytes);
    this.#review();
  }

  onRequest(stream: Stream, fields: RequestFields, isEnd: boolean): void {
    new StreamClient(this.#core, this, stream).begin(fields, isEnd);
  }

  onSettled(): void {
    this.#review();
  }

  onFailed(_code: number, reason: string): void {
    this.#core.counts.failed(`http2_${reason.replaceAll(/[^A-Za-z0-9]+/g, '_').toLowerCase()}`);
    this.#close();
  }

  onClogged(): void {
    this.#takenBytes = this.#socket.takenBytes;
    this.dueMs = this.#core.sweep.nowMs + this.#core.limits.clientStalledMs;
  }

  onWritable(): void {
    if (this.#phase !== 'open') {
      this.#armLinger();
      return;
    }
    this.#session.writable();
    this.#review();
  }

  /** RFC 9113 §5.4.1 knows no half-closed connection: nobody reads what is still to be said. */
  onPeerEnd(): void {
    this.#hasClientEnded = true;
    if (this.#phase === 'open') this.abort();
    else if (this.#socket.backlogBytes === 0) this.finishNow();
  }

  onClosed(): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.#core.sweep.remove(this);
    this.#core.clients.delete(this);
    if (this.#capKey !== '') this.#core.caps.leave(this.#capKey);
    this.#session.end(ERROR.cancel);
    this.#core.onClientGone(this);
  }

  onBug(error: unknown): void {
    this.#core.onError(error);
  }

  onDeadline(nowMs: number): void {
    const { backlogBytes: unsent, takenBytes } = this.#socket;
    if (unsent > 0 && takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.dueMs = nowMs + this.#core.limits.clientStalledMs;
      return;
    }
    asOneEvent(() => {
      if (this.#phase === 'lingering' && unsent === 0) this.finishNow();
      else if (this.#phase === 'lingering' || unsent > 0) this.abort();
      else if (this.#session.isInTheMiddle) this.#session.fail(ERROR.cancel, 'what has begun takes too long');
      else {
        this.#session.leaveNow();
        this.#review();
      }
    });
  }

  drain(idleMs: number): void {
    asOneEvent(() => {
      if (idleMs === 0) this.#session.leaveNow();
      else this.#session.leave();
      if (this.#idleDueMs !== 0) this.#idleDueMs = this.#core.sweep.nowMs + idleMs;
      this.#review();
    });
  }

  cut(): void {
    asOneEvent(() => {
      this.#session.leaveNow();
      this.#each((stream) => stream.cut());
      this.#review();
    });
  }

  cutAt(service: string, targetIds: readonly string[]): void {
    asOneEvent(() => this.#each((stream) => stream.cutAt(service, targetIds)));
  }

  finishNow(): void {
    this.#socket.finish();
    this.abort();
  }

  abort(): void {
    this.#socket.destroy();
    this.onClosed();
  }

  #each(act: (stream: StreamClient) => void): void {
    for (const { user } of [...this.#session.streams.values()]) if (user instanceof StreamClient) act(user);
  }

  /** After every event: what is waited for now. */
  #review(): void {
    if (this.#phase !== 'open') return;
    const session = this.#session;
    if (session.isDone) {
      this.#close();
      return;
    }
    const { sweep, limits, drainIdleMs } = this.#core;
    const { nowMs } = sweep;
    if (session.streams.size > 0) this.#idleDueMs = 0;
    else if (this.#idleDueMs === 0) this.#idleDueMs = nowMs + Math.min(drainIdleMs, limits.keepAliveIdleMs);
    if (!session.isInTheMiddle) this.#middleDueMs = 0;
    else if (this.#middleDueMs === 0) this.#middleDueMs = nowMs + limits.requestHeadMs;
    // While the client leaves something untaken, only that counts.
    if (this.#socket.backlogBytes > 0) return;
    if (this.#middleDueMs !== 0) this.dueMs = this.#middleDueMs;
    else this.dueMs = this.#idleDueMs === 0 ? NEVER : this.#idleDueMs;
  }

  /** Everything is said: with time for the client to take it, and to stop sending. */
  #close(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'lingering';
    this.#armLinger();
    this.#socket.resume();
    this.#socket.shutdown();
    if (this.#hasClientEnded && this.#socket.backlogBytes === 0) this.#socket.finish();
  }

  #armLinger(): void {
    const { limits, sweep } = this.#core;
    this.#takenBytes = this.#socket.takenBytes;
    this.dueMs = sweep.nowMs + (this.#socket.backlogBytes > 0 ? limits.clientStalledMs : limits.lingerMs);
  }
}

function sessionLimits(limits: EdgeLimits): SessionLimits {
  return {
    streamsMax: limits.http2StreamsMax,
    headBytesMax: limits.requestHeadBytesMax,
    streamWindowBytes: limits.heldBodyBytesMax,
    connectionWindowBytes: limits.http2ConnectionWindowBytes,
    controlFrames: limits.http2ControlFrames,
    resets: limits.http2Resets,
    replyBacklogBytesMax: limits.http2ReplyBacklogBytesMax,
  };
}
