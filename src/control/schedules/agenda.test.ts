import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Schedule } from '../../domain/keeping.ts';
import { agendaAt, readSchedules } from './agenda.ts';
import { WAKE_UP_LATE_MAX_MS } from './limits.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const schedule = (cron: string, keepAwakeMs: number | null, timeZone: string | null = 'UTC'): Schedule => ({
  cron,
  timeZone,
  keepAwakeMs,
});
const openUntil = (schedules: readonly Schedule[], now: number): number | null =>
  agendaAt(readSchedules(schedules), now, now).openUntil;

describe('a window', () => {
  const office = [schedule('0 8 * * 1-5', 10 * HOUR, 'Europe/Berlin')];

  test('is open from its moment until so long after it', () => {
    // A Monday.
    expect(openUntil(office, at('2026-01-05T06:59:59.999Z'))).toBeNull();
    expect(openUntil(office, at('2026-01-05T07:00:00Z'))).toBe(at('2026-01-05T17:00:00Z'));
    expect(openUntil(office, at('2026-01-05T16:59:59.999Z'))).toBe(at('2026-01-05T17:00:00Z'));
    expect(openUntil(office, at('2026-01-05T17:00:00Z'))).toBeNull();
  });

  test('that began while nobody looked counts', () => {
    const agenda = agendaAt(readSchedules(office), at('2026-01-05T12:00:00Z'), at('2026-01-02T00:00:00Z'));
    expect(agenda).toEqual({
      openUntil: at('2026-01-05T17:00:00Z'),
      wakesNow: false,
      nextAt: at('2026-01-05T17:00:00Z'),
    });
  });

  test('is looked at again when it ends, and when it begins', () => {
    const read = readSchedules(office);
    expect(agendaAt(read, at('2026-01-05T17:00:00Z'), 0).nextAt).toBe(at('2026-01-06T07:00:00Z'));
    // Friday evening: Monday.
    expect(agendaAt(read, at('2026-01-09T18:00:00Z'), 0).nextAt).toBe(at('2026-01-12T07:00:00Z'));
  });

  test('lasts as long as it says over a change to summer time, and begins by the clock on the wall', () => {
    const night = [schedule('0 1 * * *', 4 * HOUR, 'Europe/Berlin')];
    // 01:00 is 00:00 UTC; four hours later it is 06:00 by the new time.
    expect(openUntil(night, at('2026-03-29T00:00:00Z'))).toBe(at('2026-03-29T04:00:00Z'));
    expect(openUntil(night, at('2026-03-29T23:00:00Z'))).toBe(at('2026-03-30T03:00:00Z'));
  });

  test('of several that overlap the one that ends last tells its end', () => {
    const both = [schedule('0 8 * * *', 2 * HOUR), schedule('0 9 * * *', 8 * HOUR)];
    expect(openUntil(both, at('2026-01-05T09:30:00Z'))).toBe(at('2026-01-05T17:00:00Z'));
    expect(openUntil([schedule('0 * * * *', 2 * HOUR)], at('2026-01-05T09:30:00Z'))).toBe(
      at('2026-01-05T11:00:00Z'),
    );
  });
});

describe('a wake-up', () => {
  const read = readSchedules([schedule('30 7 * * *', null)]);
  const moment = at('2026-01-05T07:30:00Z');

  test('comes once: at the first look after its moment', () => {
    expect(agendaAt(read, moment - 1, moment - 1_000).wakesNow).toBe(false);
    expect(agendaAt(read, moment, moment - 1_000)).toMatchObject({ wakesNow: true, openUntil: null });
    expect(agendaAt(read, moment + 1, moment).wakesNow).toBe(false);
  });

  test('that was missed is made good for less than a minute', () => {
    expect(agendaAt(read, moment + WAKE_UP_LATE_MAX_MS - 1, moment - 1).wakesNow).toBe(true);
    expect(agendaAt(read, moment + WAKE_UP_LATE_MAX_MS, moment - 1).wakesNow).toBe(false);
  });
});

test('a schedule without any moment asks for nothing, ever', () => {
  expect(agendaAt(readSchedules([schedule('0 0 30 2 *', HOUR)]), 0, 0)).toEqual({
    openUntil: null,
    wakesNow: false,
    nextAt: null,
  });
  expect(agendaAt([], 0, 0).nextAt).toBeNull();
});

test('between one look and the next nothing changes', () => {
  const crons = ['*/7 * * * *', '0 8 * * 1-5', '30 2 * * *', '15 */5 1 * *'];
  const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe'];
  const one = fc.record({
    cron: fc.constantFrom(...crons),
    timeZone: fc.constantFrom(...zones),
    keepAwakeMs: fc.oneof(fc.constant(null), fc.integer({ min: 60_000, max: 40 * HOUR })),
  });
  const begin = at('2026-01-01T00:00:00Z');
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 365 * 24 * HOUR }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (schedules, offset, part) => {
        const read = readSchedules(schedules);
        const now = begin + offset;
        const first = agendaAt(read, now, now);
        expect(first.nextAt).not.toBeNull();
        const between = now + Math.floor(((first.nextAt ?? now) - now) * part);
        expect(first.nextAt ?? 0).toBeGreaterThan(now);
        expect(agendaAt(read, between, now)).toEqual({ ...first, wakesNow: false });
      },
    ),
    { numRuns: 300 },
  );
});
