/** What HTTPS makes the edge answer before any gate: a certificate authority's questions, and the way from HTTP. Pure. */
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceRoute } from '../routing/service-route.ts';
import { type AcmeChallenges, HTTP_CHALLENGE_PATH } from '../tls/acme-challenges.ts';
import { NO_BODY_BYTES, type OwnAnswer } from './own-answer.ts';

const HTTPS_PORT = 443;

export function isChallengePath(path: string): boolean {
  return path.startsWith(HTTP_CHALLENGE_PATH);
}

/** RFC 8555 §8.3; null: nobody has published such a token for the host. */
export function challengeAnswer(challenges: AcmeChallenges, { host, path }: RequestHead): OwnAnswer | null {
  const token = path.slice(HTTP_CHALLENGE_PATH.length);
  const text = host === null ? null : challenges.keyAuthorization(host.name, token);
  if (text === null) return null;
  const body = Buffer.from(text, 'latin1');
  const lines = `Content-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  return { status: 200, reason: 'OK', lines, message: '', body };
}

/** Where a request that came by plain HTTP is sent on to; null: it is served as it came. */
export function httpsAnswer(
  { tls, canonicalHost }: ServiceRoute,
  { host, target }: RequestHead,
  httpsPort: number | null,
  requestId: string,
): OwnAnswer | null {
  if (tls?.redirect !== true || host === null || httpsPort === null) return null;
  // At once to the host that it would be sent on to from there.
  const bare = canonicalHost ?? host.name;
  const name = bare.includes(':') ? `[${bare}]` : bare;
  const port = httpsPort === HTTPS_PORT ? '' : `:${httpsPort}`;
  // `OPTIONS *` is about the server as a whole.
  const path = target.startsWith('/') ? target : '/';
  return {
    status: 308,
    reason: 'Permanent Redirect',
    lines: `Location: https://${name}${port}${path}\r\nContent-Length: 0\r\nX-Request-ID: ${requestId}\r\n`,
    message: '',
    body: NO_BODY_BYTES,
  };
}
