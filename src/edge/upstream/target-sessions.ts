/**
 * The HTTP/2 connections of one target: as few as its limit of streams allows. Owns those of the present epoch; one that
 * an epoch left behind ends with its last exchange.
 */
import type { SessionLimits } from '../http2/session-limits.ts';
import type { EdgeLimits } from '../limits.ts';
import { type SessionKeeper, TargetSession } from './target-session.ts';
import type { UpstreamUser } from './target-side.ts';
import type { UpstreamAddress, UpstreamContext } from './upstream-connection.ts';
import { UpstreamStream } from './upstream-stream.ts';

export class TargetSessions implements SessionKeeper {
  readonly #context: UpstreamContext;
  readonly #address: UpstreamAddress;
  readonly #limits: SessionLimits;
  #sessions: TargetSession[] = [];

  constructor(context: UpstreamContext, address: UpstreamAddress) {
    this.#context = context;
    this.#address = address;
    this.#limits = sessionLimits(context.limits);
  }

  get idleCount(): number {
    let count = 0;
    for (const session of this.#sessions) if (session.isIdle) count++;
    return count;
  }

  /** A stream of a session that is open, or null. */
  tryTake(user: UpstreamUser): UpstreamStream | null {
    const session = this.#sessions.find((candidate) => candidate.isOpen && candidate.hasRoom);
    return session === undefined ? null : this.#give(session, user);
  }

  /** A stream of a session that is being opened, or of a new one; the user hears when. */
  connect(user: UpstreamUser): UpstreamStream {
    let session = this.#sessions.find((candidate) => !candidate.isOpen && candidate.hasRoom);
    if (session === undefined) {
      session = new TargetSession(this.#context, this, this.#address, this.#limits);
      this.#sessions.push(session);
    }
    return this.#give(session, user);
  }

  /** Nothing of before is used again. */
  endEpoch(): void {
    const sessions = this.#sessions;
    this.#sessions = [];
    for (const session of sessions) session.retire();
  }

  onSessionGone(session: TargetSession): void {
    this.#sessions = this.#sessions.filter((other) => other !== session);
  }

  #give(session: TargetSession, user: UpstreamUser): UpstreamStream {
    const stream = new UpstreamStream(this.#context, user);
    session.take(stream);
    return stream;
  }
}

/** A target is no stranger: how often it resets a stream is its own business. */
const NO_LIMIT = { burst: Number.POSITIVE_INFINITY, perSecond: 0 } as const;

function sessionLimits(limits: EdgeLimits): SessionLimits {
  return {
    streamsMax: 0,
    headBytesMax: limits.responseHeadBytesMax,
    streamWindowBytes: limits.http2StreamWindowBytes,
    connectionWindowBytes: limits.http2ConnectionWindowBytes,
    controlFrames: NO_LIMIT,
    resets: NO_LIMIT,
    replyBacklogBytesMax: limits.http2ReplyBacklogBytesMax,
  };
}
