/** Which states have been seen, and their numbers, in the order in which they were first seen. */

export interface KnownStates {
  readonly size: number;
  /** Of a new state: what `size` was before. */
  numberOf(key: Int32Array): number;
}

/** By the whole key. */
export class ExactStates implements KnownStates {
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#numbers.size;
  }

  numberOf(key: Int32Array): number {
    // Two characters for each part: 2^30 different ones.
    let text = '';
    for (const part of key) text += String.fromCharCode(part & 0x7fff, part >>> 15);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** By 64 bits of two hashes, in a table with open addresses: 12 bytes a place. */
export class HashedStates implements KnownStates {
  readonly #mask: number;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  /** One more than the number; 0: a free place. */
  readonly #numbers: Int32Array;
  size = 0;

  constructor(statesMax: number) {
    const places = 2 ** Math.ceil(Math.log2(statesMax * 1.4));
    this.#mask = places - 1;
    this.#low = new Uint32Array(places);
    this.#high = new Uint32Array(places);
    this.#numbers = new Int32Array(places);
  }

  numberOf(key: Int32Array): number {
    const low = hash(key, 0x9e3779b9);
    const high = hash(key, 0x85ebca6b);
    let place = (low ^ Math.imul(high, 0x27d4eb2f)) & this.#mask;
    for (;;) {
      const number = this.#numbers[place]!;
      if (number === 0) {
        this.#low[place] = low;
        this.#high[place] = high;
        this.#numbers[place] = ++this.size;
        return this.size - 1;
      }
      if (this.#low[place] === low && this.#high[place] === high) return number - 1;
      place = (place + 1) & this.#mask;
    }
  }
}

/** MurmurHash3, 32 bits, by words. */
function hash(key: Int32Array, seed: number): number {
  let h = seed;
  for (const part of key) {
    let k = Math.imul(part, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= key.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
