/** Quiet requests: which rule names one, and what it is answered while no target may be asked. Pure. */
import { STATUS_CODES } from 'node:http';
import type { RequestHead } from '../http1/request-head.ts';
import type { QuietRules } from '../routing/quiet-rules.ts';
import type { QuietRule } from '../routing/service-route.ts';
import type { ClientSide } from './client-side.ts';
import { NO_BODY_BYTES, type OwnAnswer } from './own-answer.ts';

/** RFC 9110 §15.3.5, §15.3.6, §15.4.5. */
const BODILESS = new Set([204, 205, 304]);

export function quietAnswer(
  { status, body: text }: { readonly status: number; readonly body: string },
  requestId: string,
): OwnAnswer {
  const body = BODILESS.has(status) ? NO_BODY_BYTES : Buffer.from(text, 'utf8');
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${body.length}\r\n`;
  const type = body.length === 0 ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  const lines = `${type}${length}Cache-Control: no-store\r\nX-Luma-Asleep: 1\r\nX-Request-ID: ${requestId}\r\n`;
  return { status, reason: STATUS_CODES[status] ?? '', lines, message: 'The service is asleep.', body };
}

export function findQuietRule(
  rules: QuietRules,
  client: ClientSide,
  head: RequestHead,
  clientIpHeader: string | null,
): QuietRule | null {
  return rules.find({
    method: head.method,
    path: head.path,
    userAgent: () => head.fields.first('user-agent') ?? '',
    clientAddress: () => client.origin(head, clientIpHeader).address,
  });
}
