/**
 * Which streams a connection has, and what is remembered of those it had (RFC 9113 §5.1.1): numbers only rise. Owns the
 * numbers; streams themselves belong to their session.
 */
import { STREAM_ID_MAX } from './frames.ts';
import type { Stream } from './stream.ts';

/** Of streams that we have ended, the last so many are known: what the peer had sent by then is thrown away. */
const RESET_IDS_MAX = 256;

export class StreamRegister {
  readonly open = new Map<number, Stream>();
  /** The last stream of the peer that was begun. */
  lastPeerId = 0;
  readonly #isServer: boolean;
  readonly #resetIds = new Set<number>();
  #nextOwnId = 1;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /** Client role: there are numbers left. */
  get hasOwnId(): boolean {
    return this.#nextOwnId <= STREAM_ID_MAX;
  }

  takeOwnId(): number {
    const id = this.#nextOwnId;
    this.#nextOwnId += 2;
    return id;
  }

  /** Nobody has opened it yet. */
  isIdle(streamId: number): boolean {
    const isOwn = (streamId % 2 === 1) !== this.#isServer;
    return isOwn ? streamId >= this.#nextOwnId || this.#isServer : streamId > this.lastPeerId;
  }

  /** We have ended it. */
  noteReset(streamId: number): void {
    if (this.#resetIds.size >= RESET_IDS_MAX) {
      const [oldest] = this.#resetIds;
      if (oldest !== undefined) this.#resetIds.delete(oldest);
    }
    this.#resetIds.add(streamId);
  }

  wasReset(streamId: number): boolean {
    return this.#resetIds.has(streamId);
  }
}
