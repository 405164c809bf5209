/** When a certificate is renewed, and when a failed order is tried again. Pure: chance and time are arguments. */
import {
  BACK_OFF_JITTER,
  BACK_OFF_LONGEST_MS,
  FAILED_FIRST_MS,
  REFUSED_RETRY_MS,
  RENEW_AFTER,
  RENEW_JITTER,
  RENEW_LATEST,
  RETRY_AFTER_MAX_MS,
  UNREACHABLE_FIRST_MS,
} from './limits.ts';

interface Lifetime {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Where nothing is known but the dates. 90 days: on a moment of the 61st to the 63rd; `chance` is from 0 to 1. */
export function renewalTime({ notBefore, notAfter }: Lifetime, chance: number): number {
  const lifetimeMs = Math.max(0, notAfter - notBefore);
  return Math.round(notBefore + lifetimeMs * (RENEW_AFTER + RENEW_JITTER * chance));
}

/**
 * RFC 9773 §4.2: any moment of the window; one that is past means now. A CA that would wait for too long is not followed: what
 * is left must be enough for orders that fail.
 */
export function suggestedRenewal(
  { notBefore, notAfter }: Lifetime,
  window: { readonly start: number; readonly end: number },
  chance: number,
): number {
  const latest = notBefore + (notAfter - notBefore) * RENEW_LATEST;
  return Math.round(Math.min(latest, window.start + (window.end - window.start) * chance));
}

/** What kind of failure decides how soon it makes sense to ask again. */
export type FailureGrade = 'unreachable' | 'failed' | 'refused';

export interface FailedTry {
  readonly grade: FailureGrade;
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** What the CA asked for; null: nothing. */
  readonly retryAfterMs: number | null;
}

/** The pause before the next order: never shorter than the CA asked for. */
export function backOffMs({ grade, failures, retryAfterMs }: FailedTry, chance: number): number {
  const spread = 1 + BACK_OFF_JITTER * (2 * chance - 1);
  const ownMs = Math.round(plainBackOffMs(grade, failures) * spread);
  const askedMs = retryAfterMs === null ? 0 : Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  return Math.max(ownMs, askedMs);
}

function plainBackOffMs(grade: FailureGrade, failures: number): number {
  if (grade === 'refused') return REFUSED_RETRY_MS;
  const firstMs = grade === 'failed' ? FAILED_FIRST_MS : UNREACHABLE_FIRST_MS;
  return Math.min(BACK_OFF_LONGEST_MS, firstMs * 2 ** Math.min(Math.max(0, failures - 1), 30));
}
