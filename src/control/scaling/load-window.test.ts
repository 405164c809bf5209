import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { LoadWindow } from './load-window.ts';

describe('the average load', () => {
  test('0 for 3 s and then 200 for 3 s, over 6 s: 100', () => {
    const window = new LoadWindow();
    window.record(0, 0);
    window.record(3_000, 200);
    expect(window.average(6_000, 6_000)).toBeCloseTo(100, 6);
  });

  test('woken 1 s ago by 200: 200', () => {
    const window = new LoadWindow();
    window.record(50_000, 200);
    expect(window.average(51_000, 6_000)).toBeCloseTo(200, 6);
    expect(window.average(51_000, 60_000)).toBeCloseTo(200, 6);
  });

  test('is that of now where nothing has passed, and nothing before anything was heard', () => {
    const window = new LoadWindow();
    expect(window.average(5, 6_000)).toBe(0);
    window.record(7, 3);
    expect(window.average(7, 6_000)).toBe(3);
  });

  test('knows nothing of what is longer ago than the window, also after a long silence', () => {
    const window = new LoadWindow();
    window.record(0, 500);
    window.record(10_000, 2);
    expect(window.average(80_000, 60_000)).toBeCloseTo(2, 6);
    expect(window.average(1_000_000, 60_000)).toBeCloseTo(2, 6);
  });

  test('begins anew after a sleep', () => {
    const window = new LoadWindow();
    window.record(0, 500);
    window.forget();
    window.record(5_250, 10);
    expect(window.average(6_250, 60_000)).toBeCloseTo(10, 6);
  });

  test('is exact over whole buckets, and within one bucket’s share otherwise', () => {
    const steps = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 9_000 }), load: fc.nat(300) }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(6_000, 60_000), (given, windowMs) => {
        const window = new LoadWindow();
        const events: { atMs: number; load: number }[] = [];
        let atMs = 0;
        for (const { afterMs, load } of given) {
          events.push({ atMs, load });
          window.record(atMs, load);
          atMs += afterMs;
        }
        const spanMs = Math.min(windowMs, atMs);
        const area = events.reduce((sum, { atMs: fromMs, load }, at) => {
          const untilMs = events[at + 1]?.atMs ?? atMs;
          return sum + load * Math.max(0, untilMs - Math.max(fromMs, atMs - spanMs));
        }, 0);
        const tolerance = (300 * 500) / spanMs;
        expect(Math.abs(window.average(atMs, windowMs) - area / spanMs)).toBeLessThanOrEqual(
          tolerance + 1e-6,
        );
      }),
    );
  });
});
