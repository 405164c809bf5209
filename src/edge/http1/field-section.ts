/**
 * The fields of one head or trailer section (RFC 9112 §5): positions found in one pass over the bytes, text cut
 * only where somebody asks. Owned by the message it belongs to; never changed after the scan.
 */
import { COLON, CR, DEL, HTAB, IS_TOKEN, LF, SP } from './character-classes.ts';

/** More bytes are needed. */
export const INCOMPLETE = -1;
/** `reason` of the section says why. */
export const REJECTED = -2;
/** More fields than allowed. */
export const TOO_MANY = -3;

/** Numbers kept per field: name start, name end, value start, value end. */
const STRIDE = 4;

export class FieldSection {
  /** The whole head, one character per byte; set once the scan has ended. */
  text = '';
  reason = '';
  #positions: number[] = [];
  #endOfFields = 0;

  /** Of whole lines; null where there are none, or more than `fieldsMax`, or any that is malformed. */
  static of(lines: string, fieldsMax: number): FieldSection | null {
    const section = new FieldSection();
    const text = `${lines}\r\n`;
    const end = section.scan(Buffer.from(text, 'latin1'), 0, 0, text.length, fieldsMax);
    section.text = text;
    return end === text.length && section.count > 0 ? section : null;
  }

  /** Bytes from the first field to the end of the empty line; of a section with fields. */
  get length(): number {
    return this.#endOfFields + 2 - this.nameStart(0);
  }

  get count(): number {
    return this.#positions.length / STRIDE;
  }

  /**
   * Scans from `from` to the empty line. Returns the index after it, or one of the codes above. Positions are kept
   * relative to `base`, the first byte of the head.
   */
  scan(bytes: Uint8Array, base: number, from: number, to: number, fieldsMax: number): number {
    const positions = this.#positions;
    let at = from;
    for (;;) {
      if (at >= to) return INCOMPLETE;
      if (bytes[at] === CR) {
        if (at + 1 >= to) return INCOMPLETE;
        if (bytes[at + 1] !== LF) return this.#reject('a carriage return without a line feed');
        this.#endOfFields = at - base;
        return at + 2;
      }
      const nameStart = at;
      while (at < to && IS_TOKEN[bytes[at]!] === 1) at++;
      if (at >= to) return INCOMPLETE;
      if (bytes[at] !== COLON || at === nameStart)
        return this.#reject(nameProblem(bytes[at]!, at === nameStart));
      const nameEnd = at++;
      while (at < to && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const valueStart = at;
      // The longest loop of the edge: comparing is cheaper than looking a byte up. The same rule as IS_FIELD_VALUE.
      let byte = 0;
      while (at < to) {
        byte = bytes[at]!;
        if (byte < SP ? byte !== HTAB : byte === DEL) break;
        at++;
      }
      if (at >= to) return INCOMPLETE;
      if (byte !== CR) return this.#reject('a control character in a field value');
      if (at + 1 >= to) return INCOMPLETE;
      if (bytes[at + 1] !== LF) return this.#reject('a carriage return without a line feed');
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB))
        valueEnd--;
      at += 2;
      if (positions.length >= fieldsMax * STRIDE) return TOO_MANY;
      positions.push(nameStart - base, nameEnd - base, valueStart - base, valueEnd - base);
    }
  }

  nameStart(index: number): number {
    return this.#positions[index * STRIDE]!;
  }

  nameLength(index: number): number {
    return this.#positions[index * STRIDE + 1]! - this.#positions[index * STRIDE]!;
  }

  name(index: number): string {
    return this.text.slice(this.#positions[index * STRIDE], this.#positions[index * STRIDE + 1]);
  }

  value(index: number): string {
    return this.text.slice(this.#positions[index * STRIDE + 2], this.#positions[index * STRIDE + 3]);
  }

  /** Where the line after this field begins. */
  lineEnd(index: number): number {
    return this.#positions[(index + 1) * STRIDE] ?? this.#endOfFields;
  }

  /** `lowerCase` must be lower case. */
  isNamed(index: number, lowerCase: string): boolean {
    const from = this.#positions[index * STRIDE]!;
    if (this.#positions[index * STRIDE + 1]! - from !== lowerCase.length) return false;
    for (let at = 0; at < lowerCase.length; at++) {
      const byte = this.text.charCodeAt(from + at);
      const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
      if (lower !== lowerCase.charCodeAt(at)) return false;
    }
    return true;
  }

  /** The first value of that name, or undefined. */
  first(lowerCase: string): string | undefined {
    for (let index = 0; index < this.count; index++) {
      if (this.isNamed(index, lowerCase)) return this.value(index);
    }
    return undefined;
  }

  /** The lines of fields `keep` says yes to, as they came; neighbours are cut as one piece. */
  linesWhere(keep: (index: number) => boolean): string {
    let lines = '';
    let runStart = -1;
    const count = this.count;
    for (let index = 0; index < count; index++) {
      const isKept = keep(index);
      if (isKept && runStart < 0) runStart = this.nameStart(index);
      if (isKept || runStart < 0) continue;
      lines += this.text.slice(runStart, this.nameStart(index));
      runStart = -1;
    }
    return runStart < 0 ? lines : lines + this.text.slice(runStart, this.#endOfFields);
  }

  #reject(reason: string): number {
    this.reason = reason;
    return REJECTED;
  }
}

function nameProblem(byte: number, isFirst: boolean): string {
  if (isFirst && (byte === SP || byte === HTAB)) return 'a folded line';
  if (byte === SP || byte === HTAB) return 'white space before a colon';
  if (byte === LF) return 'a line feed without a carriage return';
  return 'a field name that is not a token';
}
