/**
 * A request's head, from bytes to meaning (RFC 9112 §2, §3). A pure function of the bytes up to the empty line:
 * however they were split on the way, the result is the same. Never throws on what a peer sent.
 */
import { type BodyFraming, decideRequestFraming } from './body-framing.ts';
import { fieldsListed, isHopByHop, listMembers } from './connection-options.ts';
import { FieldSection, INCOMPLETE, REJECTED, TOO_MANY } from './field-section.ts';
import { type HostField, parseHostField } from './host-field.ts';
import { latin1Text } from './latin1.ts';
import { GatheredFields, takeField } from './request-fields.ts';
import { scanRequestLine, skipEmptyLines, VERSION_LENGTH } from './request-line.ts';
import { type RequestRefused, refused } from './request-refusal.ts';

export type { RequestRefusalStatus, RequestRefused } from './request-refusal.ts';

export interface RequestHeadLimits {
  readonly requestHeadBytesMax: number;
  readonly requestTargetBytesMax: number;
  readonly headFieldsMax: number;
}

export type RequestHeadResult = RequestHead | RequestRefused | { readonly kind: 'incomplete' };

export class RequestHead {
  readonly kind = 'head';
  /** Index in the input after the head. */
  end = 0;
  /** Bytes of the head, from where it was looked for. */
  length = 0;
  method = '';
  /** As the client sent it. */
  sentTarget = '';
  /** As it goes to the target: origin-form or `*`. */
  target = '';
  /** The target without its query. */
  path = '';
  /** 0 or 1: HTTP/1.0 or HTTP/1.1. */
  minor = 1;
  /** Null only for an HTTP/1.0 request without one. */
  host: HostField | null = null;
  /** A `Host` line is among the kept ones. HTTP/1.0 may do without; the next hop is spoken to in HTTP/1.1. */
  hasHostLine = true;
  framing: BodyFraming = { kind: 'none' };
  isKeepAlive = true;
  expectsContinue = false;
  acceptsTrailers = false;
  /** The protocol asked for, as sent; null where no upgrade may be passed on. */
  upgrade: string | null = null;
  /** A well-formed `X-Request-ID` of the client. */
  requestId: string | null = null;
  /** An absolute target of the `https` scheme: only where the connection is one. */
  isSecureTarget = false;
  /** Lower-case names that `Connection` lists: of this hop only, in trailers too. */
  listed: readonly string[] = NOTHING_LISTED;
  /** Of OPTIONS and TRACE only (RFC 9110 §7.6.2); null without a valid one. */
  maxForwards: number | null = null;
  /** Field lines for the target, in their order and case: without hop-by-hop, framing and forwarding fields. */
  keptLines = '';
  /** What head-writer.ts made of it last, and of what: the same for the same line again. */
  readonly writtenLine = { target: '', text: '' };

  constructor(
    readonly fields: FieldSection = new FieldSection(),
    /** The same of its fields: shared by heads that have the same. */
    readonly writtenFields = { lines: '', text: '', rest: '' },
  ) {}

  /** Another head with the very fields of `template`; both with an ordinary line (see request-head-reader.ts). */
  static withFieldsOf(
    template: RequestHead,
    method: string,
    target: string,
    from: number,
    length: number,
  ): RequestHead {
    const head = new RequestHead(template.fields, template.writtenFields);
    head.end = from + length;
    head.length = length;
    head.method = method;
    head.sentTarget = target;
    head.target = target;
    head.path = pathOf(target);
    head.host = template.host;
    head.hasHostLine = template.hasHostLine;
    head.framing = template.framing;
    head.isKeepAlive = template.isKeepAlive;
    head.expectsContinue = template.expectsContinue;
    head.acceptsTrailers = template.acceptsTrailers;
    head.upgrade = template.upgrade;
    head.requestId = template.requestId;
    head.listed = template.listed;
    head.keptLines = template.keptLines;
    return head;
  }

  /** The same of a client that is not to be told to go on. */
  withoutExpectation(): RequestHead {
    if (!this.expectsContinue) return this;
    // What was written of the one is not what is written of the other.
    const writtenFields = { lines: '', text: '', rest: '' };
    const writtenLine = { target: '', text: '' };
    return Object.assign(new RequestHead(this.fields), this, {
      expectsContinue: false,
      writtenFields,
      writtenLine,
    });
  }

  /** Whether any body byte is to come: `Content-Length: 0` is none. */
  get hasBody(): boolean {
    return this.framing.kind === 'chunked' || (this.framing.kind === 'length' && this.framing.bytes > 0);
  }
}

const NOTHING_LISTED: readonly string[] = [];
const INCOMPLETE_HEAD = { kind: 'incomplete' } as const;

export function parseRequestHead(
  bytes: Buffer,
  from: number,
  to: number,
  limits: RequestHeadLimits,
): RequestHeadResult {
  const bound = Math.min(to, from + limits.requestHeadBytesMax);
  const start = skipEmptyLines(bytes, from, bound);
  if (start === INCOMPLETE) return INCOMPLETE_HEAD;
  if (start === REJECTED) return refused(400, 'a carriage return without a line feed');
  const line = scanRequestLine(bytes, start, bound, limits.requestTargetBytesMax);
  if (typeof line !== 'number') return line ?? stillIncomplete(from, to, limits);
  const head = new RequestHead();
  const end = head.fields.scan(bytes, start, line, bound, limits.headFieldsMax);
  if (end === REJECTED) return refused(400, head.fields.reason);
  if (end === TOO_MANY) return refused(431, `more than ${limits.headFieldsMax} fields`);
  if (end === INCOMPLETE) return stillIncomplete(from, to, limits);
  head.end = end;
  head.length = end - from;
  head.fields.text = latin1Text(bytes, start, end);
  return interpret(head);
}

function stillIncomplete(from: number, to: number, limits: RequestHeadLimits): RequestHeadResult {
  if (to - from < limits.requestHeadBytesMax) return INCOMPLETE_HEAD;
  return refused(431, `a head of more than ${limits.requestHeadBytesMax} bytes`);
}

function interpret(head: RequestHead): RequestHeadResult {
  const text = head.fields.text;
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  head.method = text.slice(0, methodEnd);
  head.sentTarget = text.slice(methodEnd + 1, targetEnd);
  head.target = head.sentTarget;
  head.minor = text.charCodeAt(targetEnd + VERSION_LENGTH) === 48 ? 0 : 1;
  const gathered = new GatheredFields();
  head.keptLines = head.fields.linesWhere((index) => !takeField(head, index, gathered));
  const framing = decideRequestFraming(gathered, head.minor);
  if (framing.kind === 'rejected') return framing;
  head.framing = framing;
  return (
    applyHost(head, gathered) ??
    applyTarget(head) ??
    applyMethod(head) ??
    applyExpect(head, gathered.expect) ??
    applyConnection(head, gathered)
  );
}

/** RFC 9112 §3.2: exactly one valid Host in HTTP/1.1; in HTTP/1.0 there may be none. */
function applyHost(head: RequestHead, gathered: GatheredFields): RequestRefused | null {
  if (gathered.hostCount > 1) return refused(400, 'more than one Host');
  head.hasHostLine = gathered.hostCount === 1;
  if (!head.hasHostLine) return head.minor === 0 ? null : refused(400, 'no Host');
  head.host = parseHostField(gathered.host);
  return head.host === null ? refused(400, 'an invalid Host') : null;
}

function applyTarget(head: RequestHead): RequestRefused | null {
  if (head.method === 'CONNECT') return refused(405, 'CONNECT, which this server does not offer');
  const target = head.target;
  if (target.includes('#')) return refused(400, 'a fragment in the request target');
  if (target === '*') {
    head.path = '*';
    return head.method === 'OPTIONS' ? null : refused(400, 'an asterisk target outside OPTIONS');
  }
  const refusal = target.charCodeAt(0) === 47 ? null : applyAbsoluteTarget(head);
  head.path = pathOf(head.target);
  return refusal;
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

const ABSOLUTE = /^(https?):\/\/([^/?]*)(.*)$/i;

/** RFC 9112 §3.2.2: the authority rules; a Host that says otherwise is a trick. */
function applyAbsoluteTarget(head: RequestHead): RequestRefused | null {
  const match = ABSOLUTE.exec(head.target);
  if (match === null) return refused(400, 'a malformed request target');
  const authority = parseHostField(match[2] ?? '');
  if (authority === null) return refused(400, 'a request target with an invalid authority');
  if (head.host !== null && head.host.text.toLowerCase() !== authority.text.toLowerCase()) {
    return refused(400, 'a Host that contradicts the request target');
  }
  head.host = authority;
  head.isSecureTarget = match[1]?.length === 5;
  const rest = match[3] ?? '';
  if (rest === '' && head.method === 'OPTIONS') head.target = '*';
  else head.target = rest.startsWith('/') ? rest : `/${rest}`;
  return null;
}

/** RFC 9110 §9.3.8: a client never sends content with TRACE. */
function applyMethod(head: RequestHead): RequestRefused | null {
  return head.method === 'TRACE' && head.hasBody ? refused(400, 'TRACE with a body') : null;
}

function applyExpect(head: RequestHead, expect: string | null): RequestRefused | null {
  if (expect === null) return null;
  if (listMembers(expect).some((member) => member !== '100-continue'))
    return refused(417, 'an unknown expectation');
  // RFC 9110 §10.1.1: no 100 for HTTP/1.0, and none is needed without a body.
  head.expectsContinue = head.minor > 0 && head.hasBody;
  return null;
}

function applyConnection(head: RequestHead, gathered: GatheredFields): RequestHead {
  head.isKeepAlive = head.minor > 0;
  // RFC 9110 §10.1.4 wants it listed in Connection, too. Clients exist that cannot (undici), and nothing is at stake.
  if (gathered.te !== null) head.acceptsTrailers = listMembers(gathered.te).includes('trailers');
  const connection = gathered.connection;
  if (connection === null) return head;
  if (connection === 'keep-alive') {
    head.isKeepAlive = true;
    return head;
  }
  const options = listMembers(connection);
  // HTTP/1.0 keep-alive only where asked for, and never together with close (RFC 9112 §9.3).
  if (options.includes('close')) head.isKeepAlive = false;
  else if (options.includes('keep-alive')) head.isKeepAlive = true;
  if (options.includes('upgrade')) head.upgrade = passableUpgrade(head, gathered.upgrade);
  const listed = fieldsListed(options);
  if (listed.length > 0) dropListed(head, listed);
  return head;
}

/** h2c would let a client speak past the edge; a body and a tunnel at once are nobody's wish. */
function passableUpgrade(head: RequestHead, upgrade: string | null): string | null {
  if (upgrade === null || head.minor === 0 || head.framing.kind !== 'none') return null;
  const protocols = listMembers(upgrade);
  return protocols.length === 0 || protocols.some((protocol) => protocol.startsWith('h2')) ? null : upgrade;
}

function dropListed(head: RequestHead, listed: readonly string[]): void {
  head.listed = listed;
  const gathered = new GatheredFields();
  head.keptLines = head.fields.linesWhere((index) => {
    const name = head.fields.name(index).toLowerCase();
    return !listed.includes(name) && !isHopByHop(name) && !takeField(head, index, gathered);
  });
}
