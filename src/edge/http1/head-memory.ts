/**
 * Heads that came before, byte for byte: clients and targets repeat themselves, and the same bytes mean the same. A
 * bounded memory of pure results: what is recalled is what parsing these bytes gave, and nothing else ever is. Owned by
 * the worker; what is in it is never changed by anybody.
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

  /** What the bytes from `from` to the next empty line gave, if these very bytes came before. */
  recall(bytes: Buffer, from: number): Head | null {
    const to = endOfHead(bytes, from);
    if (to < 0) return null;
    const hash = hashOf(bytes, from, to);
    const place = hash & (PLACES - 1);
    if (this.#hashes[place] !== hash || this.#lengths[place] !== to - from) return null;
    const at = place * HEAD_BYTES_MAX;
    return this.#bytes.compare(bytes, from, to, at, at + to - from) === 0 ? this.#heads[place]! : null;
  }

  /** What the bytes from `from` to `to` gave. It is kept when it comes for the second time in a row. */
  remember(bytes: Buffer, from: number, to: number, head: Head): void {
    if (endOfHead(bytes, from) !== to) return;
    const hash = hashOf(bytes, from, to);
    const place = hash & (PLACES - 1);
    if (this.#hashes[place] !== hash) {
      this.#hashes[place] = hash;
      this.#lengths[place] = 0;
      this.#heads[place] = null;
      return;
    }
    bytes.copy(this.#bytes, place * HEAD_BYTES_MAX, from, to);
    this.#lengths[place] = to - from;
    this.#heads[place] = head;
  }
}

/** Where the first empty line from `from` on ends; -1 where that is nowhere, or too far. */
function endOfHead(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(END_OF_HEAD, from);
  const to = at + END_OF_HEAD.length;
  return at < 0 || to - from > HEAD_BYTES_MAX ? -1 : to;
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
