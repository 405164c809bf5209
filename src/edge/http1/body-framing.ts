/**
 * How long a body is: decided here, once per message, and re-generated towards the other side from the decision
 * (RFC 9112 §6). What is not clearly one thing is refused, so no two parties can disagree about where a message ends.
 */

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Answers only: the end of the connection ends the body. */
  | { readonly kind: 'until-close' };

export interface FramingRefused {
  readonly kind: 'rejected';
  /** For a request; an answer that is rejected is always a 502. */
  readonly status: 400 | 413 | 501;
  readonly reason: string;
}

/** What the head says about its body, gathered by the head parsers. */
export interface FramingFields {
  /** How many `Content-Length` fields there were, and the last one's value. */
  readonly contentLengthCount: number;
  readonly contentLength: string;
  /** Values of all `Transfer-Encoding` fields, joined by commas; null without any. */
  readonly transferEncoding: string | null;
}

export const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

/** Beyond it numbers lose whole bytes (2^53 has 16 digits). */
const LENGTH_DIGITS_MAX = 15;

/** RFC 9112 §6.3, with both framings at once and every doubtful spelling refused. */
export function decideRequestFraming(fields: FramingFields, minor: number): BodyFraming | FramingRefused {
  if (fields.transferEncoding === null && fields.contentLengthCount === 0) return NO_BODY;
  if (fields.transferEncoding === null) return decideLength(fields);
  if (fields.contentLengthCount > 0) return refused(400, 'Transfer-Encoding together with Content-Length');
  if (minor === 0) return refused(400, 'Transfer-Encoding in an HTTP/1.0 message');
  return decideCoding(fields.transferEncoding);
}

export function decideResponseFraming(
  fields: FramingFields,
  minor: number,
  status: number,
  isHeadRequest: boolean,
): BodyFraming | FramingRefused {
  const declared = decideDeclared(fields, minor);
  if (declared !== null && declared.kind === 'rejected') return declared;
  // RFC 9110 §15.2, §15.3.5, §15.4.5 and §9.3.2: these never have a body, whatever they declare.
  if (isHeadRequest || status < 200 || status === 204 || status === 304) return NO_BODY;
  return declared ?? UNTIL_CLOSE;
}

function decideDeclared(fields: FramingFields, minor: number): BodyFraming | FramingRefused | null {
  if (fields.transferEncoding === null) return fields.contentLengthCount === 0 ? null : decideLength(fields);
  return decideRequestFraming(fields, minor);
}

function decideLength(fields: FramingFields): BodyFraming | FramingRefused {
  if (fields.contentLengthCount > 1) return refused(400, 'more than one Content-Length');
  const text = fields.contentLength;
  if (text.length === 0) return refused(400, 'an empty Content-Length');
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return refused(400, 'a Content-Length that is not a number');
    bytes = bytes * 10 + digit;
  }
  if (text.length > LENGTH_DIGITS_MAX) return refused(413, 'a Content-Length beyond any limit');
  return { kind: 'length', bytes };
}

function decideCoding(value: string): BodyFraming | FramingRefused {
  const codings = value.toLowerCase();
  if (codings === 'chunked') return CHUNKED;
  const members = codings.split(',').map((member) => member.trim());
  if (members.at(-1) !== 'chunked') return refused(400, 'a last transfer coding that is not chunked');
  if (members.indexOf('chunked') !== members.length - 1) return refused(400, 'chunked applied twice');
  if (members.includes('')) return refused(400, 'an empty transfer coding');
  return refused(501, 'a transfer coding other than chunked');
}

function refused(status: FramingRefused['status'], reason: string): FramingRefused {
  return { kind: 'rejected', status, reason };
}
