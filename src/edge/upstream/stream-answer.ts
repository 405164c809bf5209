/** Requests to HTTP/2 targets and their answers, from and to the form in which an exchange knows heads. No state. */
import { STATUS_CODES } from 'node:http';
import { NO_BODY } from '../http1/body-framing.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts';
import { HeaderBlock } from '../http2/hpack-encoder.ts';
import type { ResponseFields } from '../http2/message-fields.ts';
import type { UpstreamContext } from './upstream-connection.ts';

/** `lines` are whole lines, `Host` among them where the request came without one. */
export function encodeRequest(head: RequestHead, target: string, lines: string): Buffer {
  const block = new HeaderBlock(head.keptLines.length + lines.length + target.length + 128);
  block.field(':method', head.method);
  block.field(':scheme', 'http');
  block.field(':authority', head.host?.text ?? hostIn(lines));
  block.field(':path', target);
  block.lines(head.keptLines, 'host');
  block.lines(lines, 'host');
  if (head.framing.kind === 'length') block.field('content-length', String(head.framing.bytes));
  if (head.maxForwards !== null) block.field('max-forwards', String(head.maxForwards - 1));
  if (head.expectsContinue) block.field('expect', '100-continue');
  if (head.acceptsTrailers) block.field('te', 'trailers');
  return block.bytes();
}

function hostIn(lines: string): string {
  return /^host: ([^\r]*)/i.exec(lines)?.[1] ?? '';
}

const OK = { kind: 'length', bytes: 0 } as const;

/** Null: it is nothing that an answer could say. `isEnd`: no body follows. */
export function readAnswer(
  context: UpstreamContext,
  fields: ResponseFields,
  isHeadRequest: boolean,
  isEnd: boolean,
): ResponseHead | null {
  const status = Number(fields.status);
  // RFC 9113 §8.6: there is no such switch.
  if (status === 101) return null;
  const text = `HTTP/1.1 ${fields.status} ${STATUS_CODES[status] ?? ''}\r\n${fields.lines}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  const head = parseResponseHead(bytes, 0, bytes.length, isHeadRequest, context.limits);
  if (head.kind !== 'head' || head.length !== bytes.length || head.framing.kind === 'chunked') return null;
  if (!isEnd || head.framing.kind === 'none')
    return isEnd || status < 200 || isHeadRequest ? head : bodied(head);
  if (head.framing.kind === 'length' && head.framing.bytes > 0) return null;
  head.framing = OK;
  return head;
}

/** More follows where there may be no body (204, 304): whatever it is, it is not for the client. */
function bodied(head: ResponseHead): ResponseHead {
  if (head.status === 204 || head.status === 304) head.framing = NO_BODY;
  return head;
}
