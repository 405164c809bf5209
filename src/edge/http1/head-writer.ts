/** Heads as they leave the edge: start line, kept fields, and framing made anew from the decision. No state. */
import type { BodyFraming } from './body-framing.ts';
import type { FieldSection } from './field-section.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** `target` may differ from the head's where a path prefix is stripped. Made once for a head that comes again. */
export function writeRequestLine(head: RequestHead, target: string): string {
  const written = head.writtenLine;
  if (written.target !== target) {
    written.target = target;
    written.text = `${head.method} ${target} HTTP/1.1\r\n`;
  }
  return written.text;
}

/** The kept fields, then `lines`. Made once for fields that come again. */
export function writeRequestFields(head: RequestHead, lines: string): string {
  const written = head.writtenFields;
  if (written.text === '' || written.lines !== lines) {
    written.lines = lines;
    written.text = head.keptLines + lines;
  }
  return written.text;
}

/** The rest: framing, what is for the next hop, and the empty line. */
export function writeRequestRest(head: RequestHead): string {
  if (head.writtenFields.rest === '') head.writtenFields.rest = requestRest(head);
  return head.writtenFields.rest;
}

function requestRest(head: RequestHead): string {
  let text = '';
  if (head.framing.kind === 'length') text += `Content-Length: ${head.framing.bytes}\r\n`;
  else if (head.framing.kind === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  if (head.maxForwards !== null) text += `Max-Forwards: ${head.maxForwards - 1}\r\n`;
  if (head.expectsContinue) text += 'Expect: 100-continue\r\n';
  if (head.upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (head.acceptsTrailers) text += 'Connection: TE\r\nTE: trailers\r\n';
  return `${text}\r\n`;
}

/** `outgoing`: the framing towards the client; `ownLines`: whole lines; `hasTrailers`: the client takes trailers. */
export function writeResponseHead(
  head: ResponseHead,
  outgoing: BodyFraming,
  ownLines: string,
  hasTrailers: boolean,
): string {
  const written = head.written;
  if (
    written.text === '' ||
    written.framing !== outgoing ||
    written.ownLines !== ownLines ||
    written.hasTrailers !== hasTrailers
  ) {
    written.framing = outgoing;
    written.ownLines = ownLines;
    written.hasTrailers = hasTrailers;
    const kept = hasTrailers || !head.announcesTrailers ? head.keptLines : unannounced(head.keptLines);
    written.text = responseHead(head, kept, outgoing, ownLines);
  }
  return written.text;
}

/** Without `Trailer` lines (RFC 9110 §6.6.2). */
function unannounced(lines: string): string {
  return lines.replaceAll(/^trailer:[^\r]*\r\n/gim, '');
}

function responseHead(head: ResponseHead, kept: string, outgoing: BodyFraming, ownLines: string): string {
  const coding = outgoing.kind === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : lengthLine(head, outgoing);
  return `${statusLine(head.status, head.reason)}${kept}${coding}${ownLines}\r\n`;
}

/** The line for `Content-Length`, also where a body is only spoken of (HEAD, 304); empty where there is none. */
export function lengthLine(head: ResponseHead, framing: BodyFraming): string {
  if (framing.kind === 'length') return `Content-Length: ${framing.bytes}\r\n`;
  if (framing.kind !== 'none' || head.declaredLength === null || !mayDeclareLength(head.status)) return '';
  return `Content-Length: ${head.declaredLength}\r\n`;
}

/** A 1xx other than 101: it has no body and says nothing about the connection. */
export function writeInterimHead(head: ResponseHead): string {
  return `${statusLine(head.status, head.reason)}${head.keptLines}\r\n`;
}

/** `ownLines` are whole lines. */
export function writeUpgradeHead(head: ResponseHead, ownLines = ''): string {
  return `${statusLine(head.status, head.reason)}${head.keptLines}${ownLines}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`;
}

function statusLine(status: number, reason: string): string {
  return status === 200 && reason === 'OK' ? 'HTTP/1.1 200 OK\r\n' : `HTTP/1.1 ${status} ${reason}\r\n`;
}

/** RFC 9110 §8.6: no Content-Length in a 1xx or 204. */
function mayDeclareLength(status: number): boolean {
  return status >= 200 && status !== 204;
}

/** Fields that would change framing, routing or authority if they came late (RFC 9110 §6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'proxy-connection',
  'content-encoding',
  'content-type',
  'content-range',
  'authorization',
  'proxy-authorization',
  'www-authenticate',
  'proxy-authenticate',
  'cookie',
  'set-cookie',
  'cache-control',
  'expect',
  'max-forwards',
  'range',
  'location',
  'retry-after',
  'date',
  'age',
  'expires',
  'vary',
  'forwarded',
  'x-real-ip',
  'x-request-id',
]);

/** The last chunk and the trailers that may be passed on; `listed`: of one hop only (RFC 9110 §7.6.1). */
export function writeLastChunk(trailers: FieldSection | null, listed: readonly string[]): string {
  return trailers === null ? '0\r\n\r\n' : `0\r\n${passableTrailers(trailers, listed)}\r\n`;
}

/** Whole lines. */
export function passableTrailers(trailers: FieldSection, listed: readonly string[]): string {
  return trailers.linesWhere((index) => {
    const name = trailers.name(index).toLowerCase().replaceAll('_', '-');
    return !(
      NOT_IN_TRAILERS.has(name) ||
      listed.includes(name) ||
      name.startsWith('x-forwarded-') ||
      name.startsWith('if-')
    );
  });
}
