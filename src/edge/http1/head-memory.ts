/**
 * Heads that came before, byte for byte: clients and targets repeat themselves, and the same bytes mean the same. A
 * bounded memory of pure results: what is recalled is what parsing these bytes gave, and nothing else ever is. Owned by
 * the worker; a head in it is never changed by anybody.
 */

/** Each place keeps one head. Which one is asked for is a matter of a few of its bytes. */
const PLACES = 256;
/** Longer heads are not worth a copy. */
const HEAD_BYTES_MAX = 2_048;
const SAMPLES = 32;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

export class HeadMemory<Head> {
  readonly #bytes = Buffer.allocUnsafeSlow(PLACES * HEAD_BYTES_MAX);
  readonly #lengths = new Uint16Array(PLACES);
  readonly #hashes = new Int32Array(PLACES);
  readonly #heads: (Head | null)[] = Array.from({ length: PLACES }, () => null);
  /** Of what was asked for last, which `remember` is about. */
  #askedFrom = 0;
  #askedTo = 0;
  #askedHash = 0;

  /** The head that begins at `from`, if these very bytes were one before. Its length is theirs. */
  recall(bytes: Buffer, from: number): Head | null {
    const last = bytes.indexOf(END_OF_HEAD, from);
    const to = last + END_OF_HEAD.length;
    this.#askedFrom = from;
    this.#askedTo = last < 0 || to - from > HEAD_BYTES_MAX ? from : to;
    if (this.#askedTo === from) return null;
    const hash = hashOf(bytes, from, to);
    this.#askedHash = hash;
    const place = hash & (PLACES - 1);
    if (this.#hashes[place] !== hash || this.#lengths[place] !== to - from) return null;
    const at = place * HEAD_BYTES_MAX;
    return this.#bytes.compare(bytes, from, to, at, at + to - from) === 0 ? this.#heads[place]! : null;
  }

  /** What parsing gave for what was just not recalled. It is kept when it comes for the second time in a row. */
  remember(bytes: Buffer, head: Head, end: number): void {
    if (end !== this.#askedTo || end === this.#askedFrom) return;
    const place = this.#askedHash & (PLACES - 1);
    if (this.#hashes[place] !== this.#askedHash) {
      this.#hashes[place] = this.#askedHash;
      this.#lengths[place] = 0;
      this.#heads[place] = null;
      return;
    }
    bytes.copy(this.#bytes, place * HEAD_BYTES_MAX, this.#askedFrom, end);
    this.#lengths[place] = end - this.#askedFrom;
    this.#heads[place] = head;
  }
}

/** FNV-1a over some of the bytes; most heads differ in their first. */
function hashOf(bytes: Buffer, from: number, to: number): number {
  let hash = to - from;
  const dense = Math.min(to, from + SAMPLES);
  for (let at = from; at < dense; at++) hash = Math.imul(hash ^ bytes[at]!, 16_777_619);
  const step = Math.max(1, Math.floor((to - dense) / SAMPLES));
  for (let at = dense; at < to; at += step) hash = Math.imul(hash ^ bytes[at]!, 16_777_619);
  return hash ^ (hash >>> 15);
}
