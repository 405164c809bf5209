/**
 * Chunked bodies (RFC 9112 §7.1), byte by byte if need be: states are named after what they wait for, so any split
 * of the input gives the same spans. Extensions are bounded and thrown away; line ends must be exact.
 */
import { CR, HTAB, IS_FIELD_VALUE, LF, SP } from './character-classes.ts';
import { FieldSection, INCOMPLETE, REJECTED, TOO_MANY } from './field-section.ts';
import { latin1Text } from './latin1.ts';

export interface ChunkedLimits {
  readonly chunkLineBytesMax: number;
  readonly trailerBytesMax: number;
  readonly headFieldsMax: number;
}

/** `span`: body bytes from `spanFrom` to `spanTo`. `more`: the input is used up. */
export type ChunkedStep = 'span' | 'more' | 'complete' | 'rejected';

type Awaiting =
  | 'size'
  | 'semicolon'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'done';

const SEMICOLON = 59;

/** 2^48 bytes: more than any body, and exact in a number. */
const SIZE_DIGITS_MAX = 12;

export class ChunkedDecoder {
  /** Where in the input the next step begins. */
  at = 0;
  spanFrom = 0;
  spanTo = 0;
  reason = '';
  /** Set once complete, null without trailers. */
  trailers: FieldSection | null = null;
  readonly #limits: ChunkedLimits;
  #awaiting: Awaiting = 'size';
  #size = 0;
  #sizeDigits = 0;
  #lineBytes = 0;
  #trailerBytes = Buffer.alloc(0);

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  /** Goes on from `at` until there is something to say. */
  step(bytes: Buffer, to: number): ChunkedStep {
    while (this.at < to) {
      switch (this.#awaiting) {
        case 'size':
        case 'semicolon':
        case 'extension':
        case 'size-lf':
          if (!this.#takeSizeByte(bytes[this.at]!)) return 'rejected';
          this.at++;
          break;
        case 'data':
          return this.#takeData(to);
        case 'data-cr':
          if (bytes[this.at] !== CR) return this.#reject('a chunk that is longer than its size');
          this.at++;
          this.#awaiting = 'data-lf';
          break;
        case 'data-lf':
          if (bytes[this.at] !== LF) return this.#reject('a carriage return without a line feed');
          this.at++;
          this.#beginSize();
          break;
        case 'trailer':
          return this.#takeTrailer(bytes, to);
        case 'done':
          return 'complete';
      }
    }
    return 'more';
  }

  #beginSize(): void {
    this.#awaiting = 'size';
    this.#size = 0;
    this.#sizeDigits = 0;
    this.#lineBytes = 0;
  }

  #takeSizeByte(byte: number): boolean {
    if (++this.#lineBytes > this.#limits.chunkLineBytesMax)
      return this.#fail('a chunk-size line that is too long');
    if (this.#awaiting === 'size-lf') {
      if (byte !== LF) return this.#fail('a carriage return without a line feed');
      this.#awaiting = this.#size === 0 ? 'trailer' : 'data';
      return true;
    }
    if (this.#awaiting === 'size') {
      const digit = hexDigit(byte);
      if (digit >= 0) return this.#takeDigit(digit);
      if (this.#sizeDigits === 0) return this.#fail('a chunk without a size');
    }
    if (this.#awaiting === 'extension') {
      if (byte === CR) this.#awaiting = 'size-lf';
      else if (IS_FIELD_VALUE[byte] !== 1) return this.#fail('a control character in a chunk extension');
      return true;
    }
    return this.#takeAfterSize(byte);
  }

  /** `;`, or the white space that RFC 9112 §7.1.1 calls bad, but to be parsed, before it: nothing else ends a size. */
  #takeAfterSize(byte: number): boolean {
    if (byte === SEMICOLON) this.#awaiting = 'extension';
    else if (byte === SP || byte === HTAB) this.#awaiting = 'semicolon';
    else if (byte === CR && this.#awaiting === 'size') this.#awaiting = 'size-lf';
    else return this.#fail('a chunk size that is not a hexadecimal number');
    return true;
  }

  #takeDigit(digit: number): boolean {
    if (++this.#sizeDigits > SIZE_DIGITS_MAX) return this.#fail('a chunk size beyond any limit');
    this.#size = this.#size * 16 + digit;
    return true;
  }

  #takeData(to: number): ChunkedStep {
    const length = Math.min(this.#size, to - this.at);
    this.spanFrom = this.at;
    this.spanTo = this.at + length;
    this.at += length;
    this.#size -= length;
    if (this.#size === 0) this.#awaiting = 'data-cr';
    return 'span';
  }

  /** Trailers are rare and small: gathered, and scanned like the fields of a head. */
  #takeTrailer(bytes: Buffer, to: number): ChunkedStep {
    const before = this.#trailerBytes.length;
    const room = this.#limits.trailerBytesMax - before;
    const gathered = Buffer.concat([
      this.#trailerBytes,
      bytes.subarray(this.at, Math.min(to, this.at + room)),
    ]);
    const section = new FieldSection();
    const end = section.scan(gathered, 0, 0, gathered.length, this.#limits.headFieldsMax);
    if (end === REJECTED) return this.#reject(section.reason);
    if (end === TOO_MANY) return this.#reject('too many trailer fields');
    if (end === INCOMPLETE) {
      if (to - this.at >= room) return this.#reject('a trailer section that is too long');
      this.#trailerBytes = gathered;
      this.at = to;
      return 'more';
    }
    this.at += end - before;
    this.#awaiting = 'done';
    section.text = latin1Text(gathered, 0, end);
    if (section.count > 0) this.trailers = section;
    return 'complete';
  }

  #fail(reason: string): false {
    this.reason = reason;
    return false;
  }

  #reject(reason: string): ChunkedStep {
    this.reason = reason;
    return 'rejected';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
