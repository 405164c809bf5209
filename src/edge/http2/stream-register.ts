/**
 * Which streams a connection has, and what is remembered of those it had (RFC 9113 §5.1.1): numbers only rise. Owns the
 * numbers; streams themselves belong to their session.
 */
import { STREAM_ID_MAX } from './frames.ts';
import type { Stream } from './stream.ts';

/** Of streams that we have ended, the last so many are known: what the peer had sent by then is thrown away. */
const RESET_IDS_MAX = 256;

/** So often is the table of streams made anew: once old, one keeps alive what it had since (base/roster.ts). */
const CLOSED_UNTIL_RENEWAL = 128;

export class StreamRegister {
  /** The last stream of the peer that was begun. */
  lastPeerId = 0;
  readonly #isServer: boolean;
  readonly #resetIds = new Set<number>();
  #open = new Map<number, Stream>();
  #closedSinceRenewal = 0;
  #nextOwnId = 1;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  get open(): ReadonlyMap<number, Stream> {
    return this.#open;
  }

  add(stream: Stream): void {
    this.#open.set(stream.id, stream);
  }

  remove(stream: Stream): void {
    this.#open.delete(stream.id);
    if (++this.#closedSinceRenewal < CLOSED_UNTIL_RENEWAL) return;
    this.#closedSinceRenewal = 0;
    this.#open = new Map(this.#open);
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
