import { describe, expect, test } from 'bun:test';
import { type CronMoments, isTimeZone, localTimeZone, readCron } from './cron.ts';

function moments(expression: string, timeZone: string | null = 'UTC'): CronMoments {
  const reading = readCron(expression, timeZone);
  if (reading.kind === 'rejected') throw new Error(reading.reason);
  return reading.moments;
}

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

describe('moments', () => {
  const morning = moments('0 8 * * *');

  test('the latest one may be this very moment, the next one never is', () => {
    const eight = at('2026-01-05T08:00:00Z');
    expect(morning.latest(eight)).toBe(eight);
    expect(morning.latest(eight + 999)).toBe(eight);
    expect(morning.latest(eight - 1)).toBe(at('2026-01-04T08:00:00Z'));
    expect(morning.next(eight)).toBe(at('2026-01-06T08:00:00Z'));
    expect(morning.next(eight - 1)).toBe(eight);
  });

  test('are those of the time zone', () => {
    expect(iso(moments('0 8 * * *', 'Europe/Berlin').next(at('2026-01-05T00:00:00Z')))).toBe(
      '2026-01-05T07:00:00.000Z',
    );
    expect(iso(moments('0 8 * * *', 'America/New_York').next(at('2026-01-05T00:00:00Z')))).toBe(
      '2026-01-05T13:00:00.000Z',
    );
  });

  test('that summer time leaves out come an hour later, and those that it repeats come once', () => {
    const night = moments('30 2 * * *', 'Europe/Berlin');
    expect(iso(night.next(at('2026-03-28T12:00:00Z')))).toBe('2026-03-29T01:00:00.000Z');
    expect(iso(night.next(at('2026-03-29T01:00:00Z')))).toBe('2026-03-30T00:30:00.000Z');
    expect(iso(night.next(at('2026-10-24T12:00:00Z')))).toBe('2026-10-25T00:30:00.000Z');
    expect(iso(night.next(at('2026-10-25T00:30:00Z')))).toBe('2026-10-26T01:30:00.000Z');
  });

  test('of a date that never comes are none', () => {
    const never = moments('0 0 30 2 *');
    expect(never.next(at('2026-01-01T00:00:00Z'))).toBeNull();
    expect(never.latest(at('2026-01-01T00:00:00Z'))).toBeNull();
  });
});

test('what is no expression of five fields is rejected with a reason', () => {
  for (const text of [
    '',
    '8',
    '@daily',
    '*/10 * * * * *',
    '61 * * * *',
    '0 25 * * *',
    'x x x x x',
    '0 8 * * XYZ',
  ]) {
    expect(readCron(text, 'UTC').kind).toBe('rejected');
  }
  expect(readCron('61 * * * *', 'UTC')).toEqual({ kind: 'rejected', reason: 'Invalid value for minute: 61' });
  expect(readCron(' 0  8 * * MON-FRI ', null).kind).toBe('moments');
});

test('time zones are known by their names', () => {
  expect(['Europe/Berlin', 'UTC', 'CET', localTimeZone()].every(isTimeZone)).toBe(true);
  expect(['', 'Europe/Nowhere', 'Berlin'].some(isTimeZone)).toBe(false);
});
