import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ManualClock } from '../../base/manual-clock.ts';
import type { TargetRoute } from '../routing/service-route.ts';
import { TargetEjection } from './target-ejection.ts';

const LIMITS = { ejectAfterFailures: 3, ejectionMinMs: 1_000, ejectionMaxMs: 8_000 };

function target(id: string, state: TargetRoute['state'] = 'ready', port = 1): TargetRoute {
  const readiness = { kind: 'connect', path: null, timeoutMs: 1 } as const;
  return { id, row: 1, host: '127.0.0.1', port, state, readiness };
}

interface Probe {
  readonly id: string;
  readonly answer: (hasAnswered: boolean) => void;
}

let clock: ManualClock;
let probes: Probe[];
let ejection: TargetEjection;
const a = target('a');
const b = target('b');

function newEjection(): TargetEjection {
  clock = new ManualClock();
  probes = [];
  return new TargetEjection(
    clock,
    LIMITS,
    ({ id }, onDone) => {
      const answer = (hasAnswered: boolean): void => {
        remove(probe);
        onDone(hasAnswered);
      };
      const probe = { id, answer };
      probes.push(probe);
      return { cancel: () => remove(probe) };
    },
    () => undefined,
  );
}

function remove(probe: Probe): void {
  probes = probes.filter((other) => other !== probe);
}

beforeEach(() => {
  ejection = newEjection();
  ejection.follow([a, b]);
});

function fail(who: TargetRoute, times = LIMITS.ejectAfterFailures): void {
  for (let time = 0; time < times; time++) ejection.failed(who);
}

async function comeBack(): Promise<void> {
  await clock.advance(LIMITS.ejectionMaxMs);
  probes[0]!.answer(true);
}

test('only failures in a row eject', () => {
  fail(a, 2);
  ejection.answered('a');
  fail(a, 2);
  expect(ejection.ejectedIds).toEqual([]);
  fail(a, 1);
  expect([ejection.ejectedIds, ejection.count]).toEqual([['a'], 1]);
});

test('it is asked when its time is over, and back when it answers', async () => {
  fail(a);
  await clock.advance(999);
  expect(probes).toEqual([]);
  await clock.advance(1);
  expect([probes.map(({ id }) => id), ejection.ejectedIds]).toEqual([['a'], ['a']]);
  probes[0]!.answer(true);
  expect([ejection.ejectedIds, clock.armedCount]).toEqual([[], 0]);
});

test('as long as it does not answer it stays out, each time for twice as long, up to a limit', async () => {
  fail(a);
  const pauses: number[] = [];
  for (let round = 0; round < 6; round++) {
    const beganAtMs = clock.monotonic();
    while (probes.length === 0) await clock.advance(500);
    pauses.push(clock.monotonic() - beganAtMs);
    probes[0]!.answer(false);
    expect(ejection.ejectedIds).toEqual(['a']);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
});

test('one that is back and fails at once is out again, for longer', async () => {
  fail(a);
  await clock.advance(1_000);
  probes[0]!.answer(true);
  fail(a, 1);
  expect(ejection.ejectedIds).toEqual(['a']);
  await clock.advance(1_999);
  expect(probes).toEqual([]);
  await clock.advance(1);
  expect(probes.length).toBe(1);
});

test('one that has been well for as long as it was out is as good as new', async () => {
  fail(a);
  await comeBack();
  await clock.advance(1_000);
  ejection.answered('a');
  fail(a, 2);
  expect(ejection.ejectedIds).toEqual([]);
  fail(a, 1);
  await clock.advance(1_000);
  expect(probes.length).toBe(1);
});

describe('the last one to choose is never ejected', () => {
  test('if it is the only one', () => {
    ejection.follow([a, target('b', 'starting')]);
    fail(a, 10);
    expect(ejection.ejectedIds).toEqual([]);
  });

  test('if all others are out', () => {
    fail(a);
    fail(b, 10);
    expect(ejection.ejectedIds).toEqual(['a']);
  });

  test('and comes back if the others leave', () => {
    fail(a);
    ejection.follow([a]);
    expect([ejection.ejectedIds, clock.armedCount]).toEqual([[], 0]);
  });
});

test('one that starts anew, moves or leaves is forgotten', () => {
  const c = target('c');
  for (const next of [
    [target('a', 'starting'), b, c],
    [target('a', 'ready', 2), b, c],
    [b, c],
  ]) {
    ejection.follow([a, b, c]);
    fail(a);
    expect(ejection.ejectedIds).toEqual(['a']);
    ejection.follow(next);
    expect([ejection.ejectedIds, clock.armedCount, probes]).toEqual([[], 0, []]);
  }
});

test('behind a closed gate nobody is asked, and failures are nobody’s fault', async () => {
  fail(a);
  await clock.advance(1_000);
  ejection.suspend();
  fail(b, 10);
  expect([probes, clock.armedCount, ejection.ejectedIds]).toEqual([[], 0, ['a']]);
  ejection.resume();
  expect(probes.length).toBe(1);
  probes[0]!.answer(true);
  expect(ejection.ejectedIds).toEqual([]);
});

test('when it is closed nothing is left', async () => {
  fail(a);
  await clock.advance(1_000);
  ejection.close();
  expect([probes, clock.armedCount, ejection.ejectedIds]).toEqual([[], 0, []]);
});

type Step =
  | ['fail' | 'answer', number]
  | ['follow', number[]]
  | ['time', number]
  | ['probe', boolean]
  | ['gate'];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom('fail' as const, 'answer' as const), fc.nat(3)),
  fc.tuple(fc.constant('follow' as const), fc.subarray([0, 1, 2, 3])),
  fc.tuple(fc.constant('time' as const), fc.nat(3_000)),
  fc.tuple(fc.constant('probe' as const), fc.boolean()),
  fc.tuple(fc.constant('gate' as const)),
);

test('whatever happens, someone is left to choose, and everyone comes back once they answer', async () => {
  const all = ['a', 'b', 'c', 'd'].map((id) => target(id));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      ejection = newEjection();
      let ready = all;
      let isSuspended = false;
      ejection.follow(ready);
      for (const [kind, value] of steps) {
        if (kind === 'fail') ejection.failed(all[value]!);
        else if (kind === 'answer') ejection.answered(all[value]!.id);
        else if (kind === 'time') await clock.advance(value);
        else if (kind === 'probe') probes[0]?.answer(value);
        else if (kind === 'follow') {
          ready = value.map((index) => all[index]!);
          ejection.follow(ready);
        } else {
          isSuspended = !isSuspended;
          if (isSuspended) ejection.suspend();
          else ejection.resume();
        }
        const out = ejection.ejectedIds;
        expect(out.every((id) => ready.some((one) => one.id === id))).toBe(true);
        if (ready.length > 0) expect(out.length).toBeLessThan(ready.length);
        // Each that is out has exactly one thing under way that can bring it back.
        expect(probes.length + clock.armedCount).toBe(isSuspended ? 0 : out.length);
      }
      ejection.resume();
      while (probes.length + clock.armedCount > 0) {
        for (const probe of [...probes]) probe.answer(true);
        await clock.advance(LIMITS.ejectionMaxMs);
      }
      expect(ejection.ejectedIds).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
