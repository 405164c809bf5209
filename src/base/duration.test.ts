import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DURATION_MAX_MS, formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  test.each([
    ['500ms', 500],
    ['20s', 20_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['0.3s', 300],
    ['2d', 172_800_000],
    ['1m1s1ms', 61_001],
    ['0', 0],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    ' ',
    '20',
    's',
    '-1s',
    '1s ',
    '1S',
    '1 s',
    '30m1h',
    '1s1s',
    '1e3s',
    '.5s',
    '1.s',
    '0.0001s',
    'never',
    '1w',
    '٣s',
    '20000d',
    '99999999999999999999s',
  ])('refuses %p', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test('never gives anything but null or whole milliseconds within the limit', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9.dhms]{0,12}$/), (text) => {
        const ms = parseDuration(text);
        if (ms === null) return;
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(DURATION_MAX_MS);
      }),
    );
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [340, '340ms'],
    [1_500, '1.5s'],
    [60_000, '1m'],
    [5_400_000, '1h30m'],
    [90_061_001, '1d1h1m1.001s'],
  ])('writes %d as people would', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('is read back as the same number of milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MAX_MS }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
