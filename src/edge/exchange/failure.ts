/** The only place where something that went wrong becomes an answer to a client. No state. */
import type { RequestRefused } from '../http1/request-head.ts';
import type { UpstreamBreak } from '../upstream/target-side.ts';
import type { OwnAnswer } from './own-answer.ts';

export interface Failure {
  readonly status: number;
  /** Stable, snake_case: scripts compare it. */
  readonly code: string;
  /** One sentence for the person in front of the browser. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

const SHORTLY_MS = 1_000;
const LATER_MS = 5_000;

export const FAILURES = {
  unknownHost: failure(404, 'unknown_host', 'No service is registered for this address.'),
  unknownChallenge: failure(404, 'unknown_challenge', 'No certificate is being ordered with this token.'),
  serviceRemoved: failure(404, 'service_removed', 'The service at this address has been removed.'),
  serviceStopped: failure(503, 'service_stopped', 'This service has been stopped.', LATER_MS),
  tooManyHeld: failure(
    503,
    'too_many_waiting',
    'Too many requests are waiting for this service.',
    SHORTLY_MS,
  ),
  holdTimeout: failure(503, 'wake_timeout', 'The service did not start in time.', LATER_MS),
  waking: failure(503, 'waking', 'The service is starting. Ask again in a moment.', SHORTLY_MS),
  tooBusy: failure(503, 'too_busy', 'Every instance of this service is busy.', SHORTLY_MS),
  noTarget: failure(503, 'no_target', 'No instance of this service is ready.', SHORTLY_MS),
  unreachable: failure(502, 'target_unreachable', 'The service could not be reached.', SHORTLY_MS),
  answerTimeout: failure(504, 'answer_timeout', 'The service did not answer in time.'),
  bodyTooLarge: failure(413, 'body_too_large', 'The request is larger than this service takes.'),
  cannotBuffer: failure(503, 'cannot_buffer', 'There is no room for this request now.', SHORTLY_MS),
  requestTimeout: failure(408, 'request_timeout', 'The request did not arrive in time.'),
  tooManyConnections: failure(503, 'too_many_connections', 'Too many connections are open.', SHORTLY_MS),
  tooManyFromAddress: failure(
    503,
    'too_many_from_address',
    'Too many connections are open from this address.',
    SHORTLY_MS,
  ),
  shuttingDown: failure(503, 'shutting_down', 'This server is shutting down.', SHORTLY_MS),
  grpcNeedsHttp2: failure(
    502,
    'grpc_needs_h2c',
    'The service is reached by HTTP/1.1, which cannot carry gRPC: deploy it with the target protocol h2c.',
  ),
  upgradeNeedsHttp1: failure(
    501,
    'upgrade_needs_http1',
    'The service is reached by HTTP/2, and connections to it cannot be upgraded.',
  ),
  internal: failure(502, 'internal_error', 'This server met an error of its own.'),
} as const;

function failure(status: number, code: string, message: string, retryAfterMs: number | null = null): Failure {
  return { status, code, message, retryAfterMs };
}

const REFUSAL_CODES: Readonly<Record<RequestRefused['status'], string>> = {
  400: 'bad_request',
  405: 'method_not_allowed',
  413: 'body_too_large',
  414: 'target_too_long',
  417: 'expectation_failed',
  421: 'misdirected_request',
  431: 'head_too_large',
  501: 'not_implemented',
  505: 'version_not_supported',
};

export function failureOfRequest(refused: Omit<RequestRefused, 'kind'>): Failure {
  return failure(
    refused.status,
    REFUSAL_CODES[refused.status],
    `The request was refused: ${refused.reason}.`,
  );
}

/** The start was tried and failed: the control plane's words. */
export function failureOfWake(code: string, message: string, retryAfterMs: number): Failure {
  return failure(502, code.replaceAll(/[^A-Za-z0-9_.-]/g, '_'), message, retryAfterMs);
}

export function failureOfUpstream(why: UpstreamBreak): Failure {
  switch (why.kind) {
    case 'refused':
      return FAILURES.unreachable;
    case 'closed':
    case 'unprocessed':
      return failure(502, 'target_closed', 'The service closed the connection without an answer.');
    case 'malformed':
      return failure(502, 'bad_answer', 'The service sent an answer that cannot be understood.');
    case 'bug':
      return FAILURES.internal;
  }
}

/** Without a reason nobody refused: there was no target, or no connection to be had. */
export function failureOfRetries(hadTarget: boolean, reason: string | null): Failure {
  if (!hadTarget) return FAILURES.noTarget;
  return reason === null ? FAILURES.tooManyConnections : FAILURES.unreachable;
}

export interface FailureRequest {
  readonly accept: string;
  readonly requestId: string;
  /** What the service has to say for itself; left out or null: nothing. */
  readonly page?: string | null;
}

export function failureAnswer(what: Failure, request: FailureRequest): OwnAnswer {
  const reason = STATUS_TEXT[what.status] ?? 'Error';
  const { type, text } = bodyOf(what, reason, request);
  const body = Buffer.from(text, 'utf8');
  const retry =
    what.retryAfterMs === null ? '' : `Retry-After: ${Math.max(1, Math.ceil(what.retryAfterMs / 1000))}\r\n`;
  const allow = what.status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '';
  const lines =
    `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n` +
    `X-Luma-Error: ${what.code}\r\nX-Request-ID: ${request.requestId}\r\n${retry}${allow}`;
  return { status: what.status, reason, lines, message: what.message, body };
}

function bodyOf(what: Failure, title: string, request: FailureRequest): { type: string; text: string } {
  const accept = request.accept.toLowerCase();
  const isForPeople = accept.includes('text/html');
  if (request.page && (isForPeople || !accept.includes('json')))
    return { type: 'text/html; charset=utf-8', text: request.page };
  if (isForPeople) return { type: 'text/html; charset=utf-8', text: pageOf(what, title, request) };
  if (accept.includes('json')) {
    const { status, code, message } = what;
    const problem = {
      type: 'about:blank',
      title,
      status,
      code,
      detail: message,
      request_id: request.requestId,
    };
    return { type: 'application/problem+json', text: `${JSON.stringify(problem)}\n` };
  }
  const text = `${what.status} ${title}: ${what.message}\ncode: ${what.code}\nrequest: ${request.requestId}\n`;
  return { type: 'text/plain; charset=utf-8', text };
}

function pageOf(what: Failure, title: string, request: FailureRequest): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${what.status} ${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:18vh auto;padding:0 1.5em;color:#222}
h1{font-size:1.4em}small{color:#666}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}</style></head>
<body><h1>${what.status} ${title}</h1><p>${escaped(what.message)}</p>
<p><small>${escaped(what.code)} &middot; request ${escaped(request.requestId)}</small></p></body></html>
`;
}

/** Safe in text and attributes of HTML. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
