/**
 * Fields as a header block (RFC 7541), without a dynamic table: the same fields are always the same bytes, on every
 * connection, so that a head which comes again is not encoded again. No state.
 */
import { STATIC_TABLE } from './hpack-tables.ts';

interface Latin1Writer {
  latin1Write(text: string, at: number): number;
}

/** RFC 7541 §6.3, of size 0: the peer need not expect another one, whatever it says of its table later. */
export const NO_TABLE = Buffer.from([0x20]);

const NAME_INDEX = new Map<string, number>();
const FIELD_INDEX = new Map<string, number>();
STATIC_TABLE.forEach(({ name, value }, at) => {
  if (!NAME_INDEX.has(name)) NAME_INDEX.set(name, at + 1);
  if (value !== '') FIELD_INDEX.set(`${name}:${value}`, at + 1);
});

/** A number has at most this many bytes. */
const NUMBER_BYTES_MAX = 6;

/** Gathers fields into one block. Names are lower case, characters above 255 do not occur. */
export class HeaderBlock {
  #bytes: Buffer & Latin1Writer;
  #length = 0;

  constructor(sizeHint = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeHint) as Buffer & Latin1Writer;
  }

  field(name: string, value: string): void {
    this.#reserve(name.length + value.length + 3 * NUMBER_BYTES_MAX);
    const whole = FIELD_INDEX.get(`${name}:${value}`);
    if (whole !== undefined) {
      this.#number(whole, 7, 0x80);
      return;
    }
    // Without indexing; what could be guessed from its length is never indexed by those behind us either.
    const kind = name === 'set-cookie' || name === 'cookie' || name === 'authorization' ? 0x10 : 0;
    const index = NAME_INDEX.get(name) ?? 0;
    this.#number(index, 4, kind);
    if (index === 0) this.#string(name);
    this.#string(value);
  }

  /** `Name: value` lines, each with its end; but those of the lower-case name `except`. */
  lines(text: string, except = ''): void {
    let from = 0;
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', from)) {
      const colon = text.indexOf(':', from);
      const name = text.slice(from, colon).toLowerCase();
      if (name !== except) this.field(name, text.slice(colon + 1, end).trim());
      from = end + 2;
    }
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #string(text: string): void {
    this.#number(text.length, 7, 0);
    this.#length += this.#bytes.latin1Write(text, this.#length);
  }

  #number(value: number, prefixBits: number, first: number): void {
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#bytes[this.#length++] = first | value;
      return;
    }
    this.#bytes[this.#length++] = first | mask;
    let rest = value - mask;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128;
    this.#bytes[this.#length++] = rest;
  }

  #reserve(needed: number): void {
    if (this.#bytes.length - this.#length >= needed) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + needed));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown as Buffer & Latin1Writer;
  }
}
