/**
 * How one connection comes to take no new streams, by our word or by the peer's (RFC 9113 §6.8). Owns what was said.
 */
import type { SessionSink } from './frame-writer.ts';
import { ERROR, FRAME, frame, goAwayFrame, STREAM_ID_MAX } from './frames.ts';

const LEAVING = Buffer.from('luma-bye', 'latin1');

export class Departure {
  /** The peer has said that it takes no new streams. */
  hasPeerLeft = false;
  readonly #sink: SessionSink;
  /** Streams up to it are taken; null: all. */
  #lastTakenId: number | null = null;
  #isLeaving = false;

  constructor(sink: SessionSink) {
    this.#sink = sink;
  }

  /** What the peer begins from now on is not looked at: it is sent elsewhere. */
  get hasLeft(): boolean {
    return this.#lastTakenId !== null;
  }

  /** In two steps, so that no stream which is under way is lost: the number comes when the peer has heard of it. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#sink.writeBytes(goAwayFrame(STREAM_ID_MAX, ERROR.none, ''));
    this.#sink.writeBytes(frame(FRAME.ping, 0, 0, LEAVING));
  }

  leaveNow(lastPeerId: number): void {
    if (this.#lastTakenId !== null) return;
    this.#isLeaving = true;
    this.#lastTakenId = lastPeerId;
    this.#sink.writeBytes(goAwayFrame(lastPeerId, ERROR.none, ''));
  }

  /** Whether this answer to a PING is the one that the second step waits for. */
  isHeard(input: Buffer, from: number, to: number): boolean {
    return this.#isLeaving && LEAVING.compare(input, from, to) === 0;
  }
}
