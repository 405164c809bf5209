/** Numbers for what a search meets: for tuples of numbers, and for parts of states. Exact: nothing is known by a hash alone. */

const CHUNK_TUPLES_BITS = 16;
const CHUNK_TUPLES = 1 << CHUNK_TUPLES_BITS;
const FIRST_PLACES = 1 << 12;

/** Tuples of one width, numbered in the order in which they were first met: a few bytes beside the tuple itself. */
export class TupleTable {
  readonly #width: number;
  /** Growing copies nothing. */
  readonly #chunks: Int32Array[] = [];
  /** Open addresses: one more than the number; 0 is a free place. */
  #places = new Int32Array(FIRST_PLACES);
  size = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Of a new tuple: what `size` was before. */
  numberOf(tuple: Int32Array): number {
    const mask = this.#places.length - 1;
    let place = hash(tuple, 0, this.#width) & mask;
    for (let found = this.#places[place]!; found !== 0; found = this.#places[place]!) {
      if (this.#isAt(found - 1, tuple)) return found - 1;
      place = (place + 1) & mask;
    }
    this.#places[place] = this.size + 1;
    this.#keep(tuple);
    if (this.size * 3 > this.#places.length * 2) this.#spread();
    return this.size - 1;
  }

  read(number: number, into: Int32Array): void {
    const chunk = this.#chunks[number >>> CHUNK_TUPLES_BITS]!;
    const begin = (number & (CHUNK_TUPLES - 1)) * this.#width;
    for (let at = 0; at < this.#width; at++) into[at] = chunk[begin + at]!;
  }

  #isAt(number: number, tuple: Int32Array): boolean {
    const chunk = this.#chunks[number >>> CHUNK_TUPLES_BITS]!;
    const begin = (number & (CHUNK_TUPLES - 1)) * this.#width;
    for (let at = 0; at < this.#width; at++) if (chunk[begin + at] !== tuple[at]) return false;
    return true;
  }

  #keep(tuple: Int32Array): void {
    const index = this.size >>> CHUNK_TUPLES_BITS;
    if (index === this.#chunks.length) this.#chunks.push(new Int32Array(CHUNK_TUPLES * this.#width));
    this.#chunks[index]!.set(tuple, (this.size & (CHUNK_TUPLES - 1)) * this.#width);
    this.size += 1;
  }

  #spread(): void {
    this.#places = new Int32Array(this.#places.length * 2);
    const mask = this.#places.length - 1;
    for (let number = 0; number < this.size; number++) {
      const chunk = this.#chunks[number >>> CHUNK_TUPLES_BITS]!;
      let place = hash(chunk, (number & (CHUNK_TUPLES - 1)) * this.#width, this.#width) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = number + 1;
    }
  }
}

/** MurmurHash3, 32 bits, by words. */
function hash(words: Int32Array, begin: number, count: number): number {
  let h = count;
  for (let at = begin; at < begin + count; at++) {
    let k = Math.imul(words[at]!, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Plain immutable values of one sort: each is written out where it is new to us, and then known by its number. */
export class PartTable {
  readonly #numbers = new Map<string, number>();
  readonly #parts: unknown[] = [];
  readonly #plain: boolean[] = [];
  readonly #judge: (part: unknown) => boolean;

  constructor(isPlain: (part: unknown) => boolean) {
    this.#judge = isPlain;
  }

  numberOf(part: unknown): number {
    const text = JSON.stringify(part);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#parts.length);
    this.#plain.push(this.#judge(part));
    return this.#parts.push(part) - 1;
  }

  part(number: number): unknown {
    return this.#parts[number];
  }

  isPlain(number: number): boolean {
    return this.#plain[number]!;
  }
}

const LIST_BITS = 20;

/** Numbers in pieces: growing copies nothing. */
export class LongList {
  readonly #chunks: Int32Array[] = [];
  length = 0;

  push(value: number): void {
    const chunk = this.length >>> LIST_BITS;
    if (chunk === this.#chunks.length) this.#chunks.push(new Int32Array(1 << LIST_BITS));
    this.#chunks[chunk]![this.length++ & ((1 << LIST_BITS) - 1)] = value;
  }

  /** Keeps the room. */
  clear(): void {
    this.length = 0;
  }

  at(index: number): number {
    return this.#chunks[index >>> LIST_BITS]![index & ((1 << LIST_BITS) - 1)]!;
  }
}
