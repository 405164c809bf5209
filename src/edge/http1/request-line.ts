/** The request line (RFC 9112 §3), found in the bytes and judged; its parts are cut out later. No state. */
import { CR, IS_TARGET, IS_TOKEN, LF, SP } from './character-classes.ts';
import { INCOMPLETE, REJECTED } from './field-section.ts';
import { type RequestRefused, refused } from './request-refusal.ts';

const METHOD_LENGTH_MAX = 32;
/** Empty lines before a request that are overlooked (RFC 9112 §2.2). */
const EMPTY_LINES_MAX = 2;

/** Index of the first byte of the request line, INCOMPLETE or REJECTED. */
export function skipEmptyLines(bytes: Buffer, from: number, to: number): number {
  let at = from;
  for (let lines = 0; lines < EMPTY_LINES_MAX && at < to && bytes[at] === CR; lines++) {
    if (at + 1 >= to) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return REJECTED;
    at += 2;
  }
  return at;
}

/** Index after the line; null: more bytes are needed. */
export function scanRequestLine(
  bytes: Buffer,
  from: number,
  to: number,
  targetBytesMax: number,
): number | RequestRefused | null {
  let at = from;
  while (at < to && IS_TOKEN[bytes[at]!] === 1) at++;
  if (at - from > METHOD_LENGTH_MAX) return refused(501, 'a method name that is too long');
  if (at >= to) return null;
  if (bytes[at] !== SP || at === from)
    return refused(400, 'a request line that does not begin with a method');
  const targetStart = ++at;
  while (at < to && IS_TARGET[bytes[at]!] === 1 && at - targetStart <= targetBytesMax) at++;
  if (at - targetStart > targetBytesMax) return refused(414, `a target of more than ${targetBytesMax} bytes`);
  if (at >= to) return null;
  if (bytes[at] !== SP || at === targetStart) return refused(400, 'a malformed request target');
  return scanVersion(bytes, at + 1, to);
}

/** `HTTP/1.x` and the end of the line. */
export const VERSION_LENGTH = 8;

function scanVersion(bytes: Buffer, from: number, to: number): number | RequestRefused | null {
  const end = from + VERSION_LENGTH;
  for (let at = from; at < Math.min(to, end); at++) {
    if (!isVersionByte(bytes[at]!, at - from)) return refused(400, 'a malformed protocol version');
  }
  if (to < end + 1) return null;
  if (bytes[end] !== CR) return refused(400, 'a malformed request line');
  if (to < end + 2) return null;
  if (bytes[end + 1] !== LF) return refused(400, 'a carriage return without a line feed');
  if (bytes[from + 5] !== 49) return refused(505, 'a protocol version other than HTTP/1.x');
  return end + 2;
}

const VERSION_PATTERN = 'HTTP/d.d';

function isVersionByte(byte: number, at: number): boolean {
  const expected = VERSION_PATTERN.charCodeAt(at);
  return expected === 100 ? byte >= 48 && byte <= 57 : byte === expected;
}
