import { expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  BACK_OFF_LONGEST_MS,
  FAILED_FIRST_MS,
  REFUSED_RETRY_MS,
  RETRY_AFTER_MAX_MS,
  UNREACHABLE_FIRST_MS,
} from './limits.ts';
import { backOffMs, renewalTime, suggestedRenewal } from './renewal-time.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const ninetyDays = { notBefore: 0, notAfter: 90 * DAY_MS };
const MIDDLE = 0.5;

test('a certificate of 90 days is renewed on a moment of the 61st to the 63rd', () => {
  expect(renewalTime(ninetyDays, 0) / DAY_MS).toBe(60);
  expect(renewalTime(ninetyDays, 1) / DAY_MS).toBe(63);
});

test('one of six days is renewed within its fifth', () => {
  expect(renewalTime({ notBefore: 0, notAfter: 6 * DAY_MS }, 0) / DAY_MS).toBe(4);
});

test('the window of a CA counts, the past means now, and one too near to the end does not', () => {
  const window = { start: 10 * DAY_MS, end: 20 * DAY_MS };
  expect(suggestedRenewal(ninetyDays, window, 0.5) / DAY_MS).toBe(15);
  expect(suggestedRenewal(ninetyDays, { start: -DAY_MS, end: 0 }, 0.5)).toBeLessThan(0);
  expect(suggestedRenewal(ninetyDays, { start: 88 * DAY_MS, end: 89 * DAY_MS }, 0) / DAY_MS).toBe(81);
});

test('pauses after failed proofs double from five minutes: five of them take more than an hour', () => {
  const pauses = [1, 2, 3, 4].map((failures) =>
    backOffMs({ grade: 'failed', failures, retryAfterMs: null }, MIDDLE),
  );
  expect(pauses).toEqual([5, 10, 20, 40].map((minutes) => minutes * 60_000));
});

test('a CA that cannot be reached is asked again soon, and then less and less often', () => {
  const pause = (failures: number): number =>
    backOffMs({ grade: 'unreachable', failures, retryAfterMs: null }, MIDDLE);
  expect([pause(1), pause(2), pause(50)]).toEqual([UNREACHABLE_FIRST_MS, 20_000, BACK_OFF_LONGEST_MS]);
});

test('after a refusal a day passes', () => {
  expect(backOffMs({ grade: 'refused', failures: 9, retryAfterMs: null }, MIDDLE)).toBe(REFUSED_RETRY_MS);
});

test('no pause is shorter than what the CA asked for, and none is for ever', () => {
  const of = (retryAfterMs: number): number =>
    backOffMs({ grade: 'failed', failures: 1, retryAfterMs }, MIDDLE);
  expect([of(1), of(3_600_000), of(Number.MAX_SAFE_INTEGER)]).toEqual([
    FAILED_FIRST_MS,
    3_600_000,
    RETRY_AFTER_MAX_MS,
  ]);
});

test('every pause lies within a fifth of what it is without chance', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('unreachable' as const, 'failed' as const, 'refused' as const),
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (grade, failures, chance) => {
        const plain = backOffMs({ grade, failures, retryAfterMs: null }, MIDDLE);
        const pause = backOffMs({ grade, failures, retryAfterMs: null }, chance);
        expect(Math.abs(pause - plain)).toBeLessThanOrEqual(plain * 0.2 + 1);
      },
    ),
  );
});
