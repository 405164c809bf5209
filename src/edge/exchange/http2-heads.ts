/**
 * Heads between HTTP/2 and the form in which an exchange knows them, which is HTTP/1.1's: one set of rules says what a
 * request may be, whatever protocol it came by. No state but the memory of lines that come again.
 */
import { randomBytes } from 'node:crypto';
import type { BodyFraming } from '../http1/body-framing.ts';
import { lengthLine } from '../http1/head-writer.ts';
import type { RequestHeadResult, RequestRefused } from '../http1/request-head.ts';
import type { RequestHeadReader } from '../http1/request-head-reader.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { HeaderBlock } from '../http2/hpack-encoder.ts';
import type { RequestFields } from '../http2/message-fields.ts';

interface Latin1Writer {
  latin1Write(text: string, at: number): number;
}

/** Shared: what is read from it is copied. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024) as Buffer & Latin1Writer;

/** The head of a well-formed request; `isEnd`: no body follows. */
export function readRequest(
  reader: RequestHeadReader,
  fields: RequestFields,
  isEnd: boolean,
): RequestHeadResult {
  const refusal = refusalOf(fields, isEnd);
  if (refusal !== null) return refusal;
  const text = textOf(fields, isEnd);
  if (text.length > scratch.length) scratch = Buffer.allocUnsafeSlow(text.length) as Buffer & Latin1Writer;
  const length = scratch.latin1Write(text, 0);
  const head = reader.read(scratch.subarray(0, length), 0);
  // What reads differently than it was written is nothing that HTTP/1.1 could say.
  if (head.kind === 'head' && head.length === length && head.minor === 1) return head;
  return head.kind === 'rejected' ? head : refused(400, 'a malformed request');
}

function refusalOf(fields: RequestFields, isEnd: boolean): RequestRefused | null {
  const { authority, host, scheme, protocol } = fields;
  if (fields.isTooLarge) return refused(431, 'fields that are too large');
  if (authority !== null && host !== null && authority.toLowerCase() !== host.toLowerCase())
    return refused(400, 'a Host that contradicts the authority');
  if (scheme !== null && scheme !== 'https' && scheme !== 'http') return refused(400, 'an unknown scheme');
  if (protocol !== null && protocol !== 'websocket') return refused(501, 'a protocol other than websocket');
  return protocol !== null && isEnd ? refused(400, 'a tunnel that ends before it begins') : null;
}

function refused(status: RequestRefused['status'], reason: string): RequestRefused {
  return { kind: 'rejected', status, reason };
}

function textOf(fields: RequestFields, isEnd: boolean): string {
  const { method, path, authority, host, cookie, contentLength } = fields;
  const name = authority ?? host;
  const hostLine = name === null ? '' : `host: ${name}\r\n`;
  const cookieLine = cookie === null ? '' : `cookie: ${cookie}\r\n`;
  if (fields.protocol !== null) {
    return `GET ${path} HTTP/1.1\r\n${hostLine}${fields.lines}${cookieLine}${handshake()}\r\n`;
  }
  const isOpen = !isEnd && contentLength === null && method !== 'CONNECT';
  const coding = isOpen ? 'transfer-encoding: chunked\r\n' : '';
  return `${method} ${path ?? name} HTTP/1.1\r\n${hostLine}${fields.lines}${cookieLine}${coding}\r\n`;
}

/** RFC 8441 §5: what HTTP/1.1 needs to open the WebSocket that the client has asked for. */
function handshake(): string {
  return `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n`;
}

/** Without the lines of our own. Made once for a head that comes again. */
export function encodeAnswer(head: ResponseHead, framing: BodyFraming): Buffer {
  head.encoded ??= encode(head.status, head.keptLines + lengthLine(head, framing));
  return head.encoded;
}

export function encode(status: number, lines: string): Buffer {
  const block = new HeaderBlock(lines.length + 64);
  block.field(':status', String(status));
  block.lines(lines);
  return block.bytes();
}

const LINES_MAX = 64;
const encodedLines = new Map<string, Buffer>();

/** For lines that come again, as `Date` does for a second. */
export function encodeLines(lines: string): Buffer | null {
  if (lines === '') return null;
  const known = encodedLines.get(lines);
  if (known !== undefined) return known;
  const encoded = encodeFields(lines);
  if (encodedLines.size >= LINES_MAX) encodedLines.clear();
  encodedLines.set(lines, encoded);
  return encoded;
}

export function encodeFields(lines: string): Buffer {
  const block = new HeaderBlock(lines.length + 64);
  block.lines(lines);
  return block.bytes();
}
