/** What a CA, or the way to it, says when something fails (RFC 8555 §6.7), and what that means for the next try. */
import { isLumaError, LumaError, messageOf } from '../../base/errors.ts';
import type { FailureGrade } from './renewal-time.ts';

const PREFIX = 'urn:ietf:params:acme:error:';

/** A refusal in the CA's own words. `code` is its type without the prefix: `rateLimited`, `caa`. */
export class AcmeProblemError extends LumaError {
  constructor(
    readonly type: string,
    detail: string,
    /** What the answer asked for; null: nothing. */
    readonly retryAfterMs: number | null,
  ) {
    const meaning = meaningOf(type);
    super(meaning.code, `the CA says: ${detail}`, {
      ...(meaning.hint === null ? {} : { hint: meaning.hint }),
    });
  }
}

interface Meaning {
  readonly code: string;
  readonly grade: FailureGrade;
  readonly hint: string | null;
}

const REACHABLE =
  'the host must lead to this machine by public DNS, and ports 80 and 443 must be open from the internet';
const BETTER_CONTACT =
  'luma-proxy set-global-option --lets-encrypt-email you@example.com, then luma-proxy certificates renew HOST';
const TAKES_NO_NAME =
  'this CA signs only public host names: take the host off --ssl, or use a certificate file';

/** Everything a CA may say about an order: what Luma calls it, and how soon asking again makes sense. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  caa: {
    code: 'acme_caa',
    grade: 'refused',
    hint: 'the CAA record of the host names other CAs: change it, then run luma-proxy certificates renew',
  },
  rejectedIdentifier: { code: 'acme_rejected_identifier', grade: 'refused', hint: TAKES_NO_NAME },
  unsupportedIdentifier: { code: 'acme_unsupported_identifier', grade: 'refused', hint: TAKES_NO_NAME },
  unsupportedContact: {
    code: 'acme_contact',
    grade: 'refused',
    hint: BETTER_CONTACT,
  },
  invalidContact: {
    code: 'acme_contact',
    grade: 'refused',
    hint: BETTER_CONTACT,
  },
  externalAccountRequired: {
    code: 'acme_eab_required',
    grade: 'refused',
    hint: 'this CA wants --acme-eab-key-id and --acme-eab-hmac-key; it gives you both',
  },
  userActionRequired: { code: 'acme_user_action', grade: 'refused', hint: null },
  rateLimited: { code: 'acme_rate_limited', grade: 'failed', hint: 'Luma waits for as long as the CA asks' },
  connection: { code: 'acme_connection', grade: 'failed', hint: REACHABLE },
  dns: { code: 'acme_dns', grade: 'failed', hint: REACHABLE },
  tls: { code: 'acme_tls', grade: 'failed', hint: REACHABLE },
  unauthorized: { code: 'acme_unauthorized', grade: 'failed', hint: REACHABLE },
  incorrectResponse: { code: 'acme_incorrect_response', grade: 'failed', hint: REACHABLE },
  badNonce: { code: 'acme_bad_nonce', grade: 'unreachable', hint: null },
  serverInternal: { code: 'acme_server_internal', grade: 'unreachable', hint: null },
};

const UNKNOWN: Meaning = { code: 'acme_problem', grade: 'failed', hint: null };

/** Luma's own failures that need a person before they can go away. */
const REFUSALS = new Set(['acme_wildcard_needs_dns', 'acme_no_challenge', 'acme_account_unreadable']);
/** Those that are over as soon as somebody else is up again. */
const OUTAGES = new Set(['acme_unreachable', 'acme_timeout', 'dns_provider_unreachable', 'workers_slow']);

export interface ReadFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly grade: FailureGrade;
  readonly retryAfterMs: number | null;
}

export function readFailure(error: unknown): ReadFailure {
  const message = messageOf(error);
  if (error instanceof AcmeProblemError) {
    const { code, grade, hint } = meaningOf(error.type);
    return { code, message, hint, grade, retryAfterMs: error.retryAfterMs };
  }
  // acme-client throws plain errors for answers that make no sense.
  if (!isLumaError(error))
    return { code: 'acme_protocol', message, hint: null, grade: 'failed', retryAfterMs: null };
  const { code, hint = null } = error;
  const grade = REFUSALS.has(code) ? 'refused' : OUTAGES.has(code) ? 'unreachable' : 'failed';
  return { code, message, hint, grade, retryAfterMs: null };
}

/** What a body says that should be a problem document. */
export function problemOf(status: number, body: unknown, retryAfterMs: number | null): AcmeProblemError {
  const { type, detail } = isRecord(body) ? body : {};
  const text = typeof detail === 'string' && detail !== '' ? detail : `HTTP ${status}`;
  if (typeof type === 'string') return new AcmeProblemError(type.replace(PREFIX, ''), text, retryAfterMs);
  // A gateway in front of the CA knows nothing of problem documents.
  if (status === 429) return new AcmeProblemError('rateLimited', text, retryAfterMs);
  return new AcmeProblemError(status >= 500 ? 'serverInternal' : 'malformed', text, retryAfterMs);
}

/** RFC 9110 §10.2.3: seconds or a date; null where it says neither, or the past. */
export function retryAfterOf(field: string | null, nowMs: number): number | null {
  if (field === null) return null;
  const text = field.trim();
  const waitMs = /^[0-9]{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(waitMs) && waitMs > 0 ? waitMs : null;
}

function meaningOf(type: string): Meaning {
  return Object.hasOwn(MEANINGS, type) ? (MEANINGS[type] ?? UNKNOWN) : UNKNOWN;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
