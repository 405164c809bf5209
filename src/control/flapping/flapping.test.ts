import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  type FlappingReport,
  type FlappingState,
  type Happening,
  noteHappening,
  steady,
} from './flapping.ts';
import { FLAPPING_CRASHES, FLAPPING_WAKES, FLAPPING_WINDOW_MS, MOMENTS_MAX } from './limits.ts';

type Moment = readonly [Happening, number];

function play(moments: readonly Moment[], from: FlappingState = steady) {
  let state = from;
  const reports: (FlappingReport & { at: number })[] = [];
  for (const [happening, at] of moments) {
    const step = noteHappening(state, happening, at);
    state = step.state;
    if (step.report) reports.push({ ...step.report, at });
  }
  return { state, reports };
}

/** Sleeps and wakes, one pair every so often. */
const cycles = (count: number, everyMs: number, fromMs = 0): Moment[] =>
  Array.from({ length: count }, (_, at) => [
    ['slept', fromMs + at * everyMs] as const,
    ['woken', fromMs + at * everyMs + 10] as const,
  ]).flat();

describe('flapping', () => {
  test('is reported with the wake that is one too many, once', () => {
    const { reports } = play(cycles(40, 60_000));
    expect(reports).toEqual([{ wakes: FLAPPING_WAKES, crashes: 0, at: (FLAPPING_WAKES - 1) * 60_000 + 10 }]);
  });

  test('is reported again only after it has stopped', () => {
    const first = cycles(20, 60_000);
    const later = 20 * 60_000 + FLAPPING_WINDOW_MS;
    expect(play([...first, ...cycles(20, 60_000, later)]).reports).toHaveLength(2);
    // A pause of five minutes leaves half of them.
    expect(play([...first, ...cycles(20, 60_000, 20 * 60_000 + 300_000)]).reports).toHaveLength(1);
  });

  test('are crashes as well', () => {
    const crashes = [0, 1, 2, 3].map((at): Moment => ['crashed', at * 1_000]);
    expect(play(crashes).reports).toEqual([{ wakes: 0, crashes: FLAPPING_CRASHES, at: 2_000 }]);
  });

  test('is not what comes seldom, nor wakes without a sleep before them', () => {
    expect(play(cycles(100, FLAPPING_WINDOW_MS / (FLAPPING_WAKES - 1))).reports).toEqual([]);
    expect(play(Array.from({ length: 50 }, (_, at): Moment => ['woken', at * 1_000])).reports).toEqual([]);
  });
});

test('whatever happens, little is remembered, and a report says what is in the window', () => {
  const happening = fc.constantFrom<Happening>('slept', 'woken', 'crashed');
  const step = fc.tuple(happening, fc.integer({ min: 0, max: FLAPPING_WINDOW_MS / 3 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      let at = 0;
      let state = steady;
      let isReported = false;
      for (const [each, afterMs] of steps) {
        at += afterMs;
        const { state: next, report } = noteHappening(state, each, at);
        if (!state.isFlapping) isReported = false;
        if (report) {
          expect(isReported && state.isFlapping && next.wakes.length * 2 >= FLAPPING_WAKES + 2).toBe(false);
          expect(report.wakes >= FLAPPING_WAKES || report.crashes >= FLAPPING_CRASHES).toBe(true);
          isReported = true;
        }
        state = next;
        for (const moments of [state.wakes, state.crashes]) {
          expect(moments.length).toBeLessThanOrEqual(MOMENTS_MAX);
          expect(moments.every((moment) => at - moment < FLAPPING_WINDOW_MS)).toBe(true);
        }
      }
    }),
  );
});
