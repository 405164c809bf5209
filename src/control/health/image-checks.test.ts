import { beforeEach, describe, expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { ImageChecks, isEnough } from './image-checks.ts';
import { DOUBT_LOOK_EVERY_MS } from './limits.ts';

let clock: ManualClock;
let looks: string[];
let checks: ImageChecks;
beforeEach(() => {
  clock = new ManualClock();
  looks = [];
  checks = new ImageChecks(clock, (id) => void looks.push(id));
});

const serving = (...ids: string[]): void => checks.onChange(new Set(ids), new Set(['a', 'b']));
const failed = (count: number) => ({ count, threshold: 3 });

test('with a threshold of 3 and 4 that failed before, the eighth condemns', () => {
  expect([5, 6, 7, 8, 9].filter((count) => isEnough(4, failed(count)))).toEqual([8, 9]);
});

describe('an instance whose check failed while it started', () => {
  test('is looked at when it serves, and again until it is well', async () => {
    checks.doubt('a');
    serving('b');
    await clock.advance(60_000);
    expect(looks).toEqual([]);
    serving('a', 'b');
    await clock.advance(0);
    expect(looks).toEqual(['a']);
    expect(checks.isCondemnedBy('a', failed(4), true)).toBe(false);
    await clock.advance(DOUBT_LOOK_EVERY_MS);
    expect(checks.isCondemnedBy('a', failed(7), true)).toBe(false);
    await clock.advance(DOUBT_LOOK_EVERY_MS);
    expect(looks).toEqual(['a', 'a', 'a']);
    expect(checks.isCondemnedBy('a', null, true)).toBe(false);
    await clock.advance(60_000);
    expect([looks.length, clock.armedCount]).toEqual([3, 0]);
  });

  test('is condemned by as many failures as its check wants, all begun since it serves', () => {
    checks.doubt('a');
    serving('a');
    expect([4, 5, 6, 7, 8].map((count) => checks.isCondemnedBy('a', failed(count), true))).toEqual([
      ...[false, false, false, false, true],
    ]);
    expect(clock.armedCount).toBe(0);
  });

  test('begins anew with its next start, and is forgotten when it is gone', async () => {
    checks.doubt('a');
    serving('a');
    checks.isCondemnedBy('a', failed(4), true);
    serving();
    expect(clock.armedCount).toBe(0);
    serving('a');
    await clock.advance(60_000);
    expect(looks).toEqual([]);
    checks.doubt('c');
    serving('a');
    checks.doubt('b');
    serving('b');
    checks.close();
    expect(clock.armedCount).toBe(0);
  });
});

test('one that was found running is condemned by what is found, and so is one that was well when it started', () => {
  checks.doubt('a');
  serving('a', 'b');
  expect(checks.isCondemnedBy('a', failed(3), false)).toBe(true);
  expect(checks.isCondemnedBy('b', failed(3), true)).toBe(true);
  expect(checks.isCondemnedBy('b', null, true)).toBe(false);
});
