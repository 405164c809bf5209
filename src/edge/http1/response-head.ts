/**
 * An upstream's answer head, from bytes to meaning (RFC 9112 §4), as strict as the request's: whatever is rejected
 * here becomes a 502. A pure function of the bytes; never throws on what a peer sent.
 */

import { type BodyFraming, decideResponseFraming, NO_BODY } from './body-framing.ts';
import { CR, IS_FIELD_VALUE, LF, SP } from './character-classes.ts';
import { fieldsListed, isHopByHop, listMembers } from './connection-options.ts';
import { FieldSection, INCOMPLETE, REJECTED, TOO_MANY } from './field-section.ts';
import { latin1Text } from './latin1.ts';
import { GatheredFraming, joined, takeFramingField } from './message-framing.ts';

export interface ResponseHeadLimits {
  readonly responseHeadBytesMax: number;
  readonly headFieldsMax: number;
}

export type ResponseHeadResult =
  | ResponseHead
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'incomplete' };

export class ResponseHead {
  readonly kind = 'head';
  /** Index in the input after the head. */
  end = 0;
  /** Bytes of the head. */
  length = 0;
  status = 0;
  reason = '';
  minor = 1;
  framing: BodyFraming = NO_BODY;
  /** The declared length, also where there is no body (HEAD, 304); null without one. */
  declaredLength: number | null = null;
  isKeepAlive = true;
  /** The protocol of a 101, as sent. */
  upgrade: string | null = null;
  hasDate = false;
  /** A `Trailer` line is among the kept ones. */
  announcesTrailers = false;
  /** Lower-case names that `Connection` lists: of this hop only, in trailers too. */
  listed: readonly string[] = NOTHING_LISTED;
  keptLines = '';
  readonly fields = new FieldSection();
  /** The same head as another protocol says it; null: nobody has asked. */
  encoded: Buffer | null = null;
  /** What head-writer.ts made of it last, and of what: the same for the same head again. */
  readonly written: { framing: BodyFraming; ownLines: string; hasTrailers: boolean; text: string } = {
    framing: NO_BODY,
    ownLines: '',
    hasTrailers: true,
    text: '',
  };
}

const NOTHING_LISTED: readonly string[] = [];
const INCOMPLETE_HEAD = { kind: 'incomplete' } as const;
/** `HTTP/1.x NNN`. */
const STATUS_END = 12;

export function parseResponseHead(
  bytes: Buffer,
  from: number,
  to: number,
  isHeadRequest: boolean,
  limits: ResponseHeadLimits,
): ResponseHeadResult {
  const bound = Math.min(to, from + limits.responseHeadBytesMax);
  const line = scanStatusLine(bytes, from, bound);
  if (typeof line === 'string') return rejected(line);
  if (line === INCOMPLETE) return stillIncomplete(from, to, limits);
  const head = new ResponseHead();
  const end = head.fields.scan(bytes, from, line, bound, limits.headFieldsMax);
  if (end === REJECTED) return rejected(head.fields.reason);
  if (end === TOO_MANY) return rejected(`more than ${limits.headFieldsMax} fields`);
  if (end === INCOMPLETE) return stillIncomplete(from, to, limits);
  head.end = end;
  head.length = end - from;
  head.fields.text = latin1Text(bytes, from, end);
  return interpret(head, isHeadRequest, line - from);
}

function stillIncomplete(from: number, to: number, limits: ResponseHeadLimits): ResponseHeadResult {
  if (to - from < limits.responseHeadBytesMax) return INCOMPLETE_HEAD;
  return rejected(`a head of more than ${limits.responseHeadBytesMax} bytes`);
}

const STATUS_PATTERN = 'HTTP/1.d ddd';

/** Index after the line, INCOMPLETE, or what is wrong. */
function scanStatusLine(bytes: Buffer, from: number, to: number): number | string {
  const fixed = Math.min(to, from + STATUS_END);
  for (let at = from; at < fixed; at++) {
    const expected = STATUS_PATTERN.charCodeAt(at - from);
    const byte = bytes[at]!;
    if (expected === 100 ? byte < 48 || byte > 57 : byte !== expected) return 'a malformed status line';
  }
  let at = from + STATUS_END;
  if (at >= to) return INCOMPLETE;
  if (bytes[at] !== SP && bytes[at] !== CR) return 'a malformed status line';
  while (at < to && IS_FIELD_VALUE[bytes[at]!] === 1) at++;
  if (at >= to) return INCOMPLETE;
  if (bytes[at] !== CR) return 'a control character in the reason phrase';
  if (at + 1 >= to) return INCOMPLETE;
  return bytes[at + 1] === LF ? at + 2 : 'a carriage return without a line feed';
}

function interpret(head: ResponseHead, isHeadRequest: boolean, lineEnd: number): ResponseHeadResult {
  const text = head.fields.text;
  head.minor = text.charCodeAt(7) === 48 ? 0 : 1;
  head.status =
    (text.charCodeAt(9) - 48) * 100 + (text.charCodeAt(10) - 48) * 10 + (text.charCodeAt(11) - 48);
  if (head.status < 100 || head.status > 599) return rejected('a status outside 100 to 599');
  head.reason = text.slice(STATUS_END + 1, lineEnd - 2);
  const gathered = new GatheredFraming();
  head.keptLines = head.fields.linesWhere((index) => !takeField(head, index, gathered));
  const framing = decideResponseFraming(gathered, head.minor, head.status, isHeadRequest);
  if (framing.kind === 'rejected') return rejected(framing.reason);
  head.framing = framing;
  if (gathered.contentLengthCount === 1) head.declaredLength = Number(gathered.contentLength);
  applyConnection(head, gathered.connection);
  return head;
}

/** Notes what matters to the edge; true: the field is not passed on as it came. */
function takeField(head: ResponseHead, index: number, gathered: GatheredFraming): boolean {
  const { fields } = head;
  switch (fields.nameLength(index)) {
    case 2:
      return fields.isNamed(index, 'te');
    case 4:
      if (fields.isNamed(index, 'date')) head.hasDate = true;
      return false;
    case 7:
      if (fields.isNamed(index, 'trailer')) head.announcesTrailers = true;
      if (!fields.isNamed(index, 'upgrade')) return false;
      head.upgrade = joined(head.upgrade, fields.value(index));
      return true;
    case 18:
      return fields.isNamed(index, 'proxy-authenticate');
    default:
      return takeFramingField(fields, index, gathered);
  }
}

function applyConnection(head: ResponseHead, connection: string | null): void {
  head.isKeepAlive = head.minor > 0;
  if (connection === null) return;
  if (connection === 'keep-alive') {
    head.isKeepAlive = true;
    return;
  }
  const options = listMembers(connection);
  if (options.includes('close')) head.isKeepAlive = false;
  else if (options.includes('keep-alive')) head.isKeepAlive = true;
  const listed = fieldsListed(options);
  if (listed.length === 0) return;
  head.listed = listed;
  head.keptLines = head.fields.linesWhere((index) => {
    const name = head.fields.name(index).toLowerCase();
    return !listed.includes(name) && !isHopByHop(name) && name !== 'content-length';
  });
}

function rejected(reason: string): ResponseHeadResult {
  return { kind: 'rejected', reason };
}
