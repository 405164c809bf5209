/** The fixed answer of a quiet rule, for requests that come while no target may be asked. Pure. */
import { STATUS_CODES } from 'node:http';

/** RFC 9110 §15.3.5, §15.3.6, §15.4.5. */
const BODILESS = new Set([204, 205, 304]);

/** `ownLines` are whole lines. */
export function writeQuietAnswer(
  answer: { readonly status: number; readonly body: string },
  method: string,
  requestId: string,
  ownLines: string,
): Buffer {
  const { status } = answer;
  const body = Buffer.from(BODILESS.has(status) ? '' : answer.body, 'utf8');
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`;
  const type = body.length === 0 ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${type}${length}` +
    `Cache-Control: no-store\r\nX-Luma-Asleep: 1\r\nX-Request-ID: ${requestId}\r\n${ownLines}\r\n`;
  const headBytes = Buffer.from(head, 'latin1');
  return method === 'HEAD' ? headBytes : Buffer.concat([headBytes, body]);
}
