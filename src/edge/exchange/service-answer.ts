/** What a service's own options answer before its gate: a redirect to its canonical host, a body that is too large. Pure. */
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceRoute } from '../routing/service-route.ts';
import { FAILURES, type Failure } from './failure.ts';
import { NO_BODY_BYTES, type OwnAnswer } from './own-answer.ts';

/** Whoever proves to a CA that a host is his is asked at that very host. */
const ACME_PREFIX = '/.well-known/acme-challenge/';

/** Where the request is to be sent again; null: here. */
export function canonicalLocation(
  { canonicalHost }: ServiceRoute,
  { host, path, target }: RequestHead,
  proto: 'http' | 'https',
): string | null {
  if (canonicalHost === null || host === null || host.name === canonicalHost) return null;
  if (path === '*' || path.startsWith(ACME_PREFIX)) return null;
  const port = /:[0-9]*$/.exec(host.text)?.[0] ?? '';
  return `${proto}://${canonicalHost}${port}${target}`;
}

/** RFC 9110 §15.4.9: method and body stay. */
export function redirectAnswer(location: string, requestId: string): OwnAnswer {
  return {
    status: 308,
    reason: 'Permanent Redirect',
    lines: `Location: ${location}\r\nContent-Length: 0\r\nX-Request-ID: ${requestId}\r\n`,
    message: '',
    body: NO_BODY_BYTES,
  };
}

/** By its declared length: who declares none is stopped on the way. */
export function failureOfLength(
  { maxRequestBodyBytes }: ServiceRoute,
  { framing }: RequestHead,
): Failure | null {
  if (maxRequestBodyBytes === 0 || framing.kind !== 'length') return null;
  return framing.bytes > maxRequestBodyBytes ? FAILURES.bodyTooLarge : null;
}
