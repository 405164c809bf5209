import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { PANIC_WINDOW_MS, STABLE_WINDOW_MS, TICK_MS } from './limits.ts';
import { LoadWindow } from './load-window.ts';
import { calm, countFor, decideScale, type ScaleMemory, type ScalePolicy } from './scale-decision.ts';

const policy: ScalePolicy = { concurrency: 10, targetUtilization: 0.7, most: 100 };

describe('ceil(load / (concurrency x utilization))', () => {
  test('a load of 200 with a concurrency of 10 and a utilization of 0.7 asks for 29 instances', () => {
    expect(countFor(200, policy)).toBe(29);
  });

  test('a load of 56 with the defaults asks for one, and 57 for two', () => {
    const standard = { concurrency: 80, targetUtilization: 0.7, most: 100 };
    expect([countFor(56, standard), countFor(57, standard)]).toEqual([1, 2]);
  });

  test('no load asks for none', () => expect(countFor(0, policy)).toBe(0));
});

describe('a decision', () => {
  const measured = { nowMs: 100_000, stableLoad: 0, panicLoad: 0, pressingLoad: 0, readyCount: 1 };

  test('1 ready, 12 wanted over 6 s: panic, 12 at once, and no fewer for 60 s', () => {
    let { count, memory } = decideScale({ ...measured, panicLoad: 84, stableLoad: 7 }, policy, calm);
    expect(count).toBe(12);
    for (let nowMs = 102_000; nowMs < 160_000; nowMs += TICK_MS) {
      ({ count, memory } = decideScale(
        { ...measured, nowMs, stableLoad: 7, readyCount: 12 },
        policy,
        memory,
      ));
      expect(count).toBe(12);
    }
  });

  test('1 ready, 16 at once for half a second where 10 may be: 16 / 7 = 2.3, so 3, at most 2', () => {
    const pressed = { ...measured, pressingLoad: 16, stableLoad: 1, panicLoad: 3 };
    expect(decideScale(pressed, policy, calm).count).toBe(2);
    expect(decideScale({ ...pressed, readyCount: 2 }, policy, calm).count).toBe(3);
    expect(decideScale({ ...pressed, pressingLoad: 500, readyCount: 4 }, policy, calm).count).toBe(8);
  });

  test('of 9 that are ready, 5 stay: no decision takes away more than half', () => {
    const { count } = decideScale({ ...measured, readyCount: 9 }, policy, calm);
    expect(count).toBe(5);
  });

  test('takes nothing away that was wanted within the last 10 s', () => {
    const first = decideScale({ ...measured, stableLoad: 28, readyCount: 4 }, policy, calm);
    expect(first.count).toBe(4);
    const soon = decideScale(
      { ...measured, nowMs: 110_000, stableLoad: 14, readyCount: 4 },
      policy,
      first.memory,
    );
    expect(soon.count).toBe(4);
    const later = decideScale(
      { ...measured, nowMs: 110_001, stableLoad: 14, readyCount: 4 },
      policy,
      soon.memory,
    );
    expect(later.count).toBe(2);
  });

  test('stays within what may be, whatever is measured', () => {
    const number = fc.nat(100_000);
    fc.assert(
      fc.property(
        number,
        number,
        number,
        fc.nat(200),
        fc.integer({ min: 1, max: 50 }),
        (stableLoad, panicLoad, pressingLoad, readyCount, most) => {
          const { count } = decideScale(
            { nowMs: 5, stableLoad, panicLoad, pressingLoad, readyCount },
            { ...policy, most },
            calm,
          );
          expect(count).toBeGreaterThanOrEqual(1);
          expect(count).toBeLessThanOrEqual(most);
        },
      ),
    );
  });
});

/** Load over time as it was recorded, against instances that need a second to answer. */
function replay(trace: readonly (readonly [atMs: number, load: number])[], untilMs: number): number[] {
  const window = new LoadWindow();
  const wanted: { atMs: number; count: number }[] = [{ atMs: 0, count: 1 }];
  let memory: ScaleMemory = calm;
  let at = 0;
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    for (; at < trace.length && trace[at]![0] <= nowMs; at++) window.record(trace[at]![0], trace[at]![1]);
    if (nowMs % TICK_MS !== 0) continue;
    const ready = wanted.findLast((entry) => entry.atMs <= nowMs - 1_000) ?? wanted[0]!;
    const measured = {
      nowMs,
      stableLoad: window.average(nowMs, STABLE_WINDOW_MS),
      panicLoad: window.average(nowMs, PANIC_WINDOW_MS),
      pressingLoad: 0,
      readyCount: ready.count,
    };
    const decided = decideScale(measured, policy, memory);
    memory = decided.memory;
    wanted.push({ atMs: nowMs, count: decided.count });
  }
  return wanted.slice(1).map(({ count }) => count);
}

describe('recorded loads', () => {
  test('a step from 0 to 200 is met within one tick of the panic window, and left a minute after it ends', () => {
    const counts = replay(
      [
        [0, 0],
        [60_000, 200],
        [120_000, 0],
      ],
      300_000,
    );
    const at = (seconds: number): number => counts[(seconds * 1_000) / TICK_MS]!;
    expect(at(58)).toBe(1);
    expect(at(62)).toBeGreaterThanOrEqual(10);
    expect(at(66)).toBe(29);
    expect(at(118)).toBe(29);
    expect(at(120)).toBe(29);
    expect(at(150)).toBeGreaterThanOrEqual(15);
    expect(at(150)).toBeLessThan(29);
    expect(at(240)).toBe(1);
  });

  test('a first crowd after a sleep is met at once', () => {
    expect(replay([[0, 200]], 2_000)).toEqual([29, 29]);
  });

  test('a saw tooth of a few seconds does not make it flap', () => {
    const trace = Array.from({ length: 120 }, (_, at) => [at * 1_000, at % 4 < 2 ? 70 : 0] as const);
    const settled = replay(trace, 119_000).slice(5);
    expect(new Set(settled).size).toBeLessThanOrEqual(2);
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(5);
  });

  test('a load that rises slowly is followed without panic', () => {
    const trace = Array.from({ length: 300 }, (_, at) => [at * 1_000, at / 3] as const);
    const counts = replay(trace, 299_000);
    for (const [at, count] of counts.entries()) expect(count).toBeGreaterThanOrEqual(counts[at - 1] ?? 1);
    expect(counts.at(-1)).toBeLessThanOrEqual(15);
  });
});
