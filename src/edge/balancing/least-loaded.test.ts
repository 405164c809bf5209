import { expect, test } from 'bun:test';
import type { TargetRoute } from '../routing/service-route.ts';
import { chooseTarget } from './least-loaded.ts';

function target(row: number, state: TargetRoute['state'] = 'ready'): TargetRoute {
  const readiness = { kind: 'connect', path: null, timeoutMs: 1 } as const;
  return { id: `t${row}`, row, host: '127.0.0.1', port: 1, state, readiness };
}

const load = (loads: Record<number, number>) => ({ inFlight: (row: number) => loads[row] ?? 0 });

test('takes the target with the fewest in flight', () => {
  const targets = [target(1), target(2), target(3)];
  for (let turn = 0; turn < 6; turn++) {
    expect(chooseTarget(targets, load({ 1: 5, 2: 1, 3: 2 }), [])?.id).toBe('t2');
  }
});

test('equal targets take turns', () => {
  const targets = [target(1), target(2), target(3)];
  const chosen = Array.from({ length: 6 }, () => chooseTarget(targets, load({}), [])?.id);
  expect(new Set(chosen).size).toBe(3);
});

test('never takes one that is starting or was refused', () => {
  expect(chooseTarget([target(1, 'starting'), target(2)], load({ 2: 100 }), [])?.id).toBe('t2');
  expect(chooseTarget([target(1), target(2)], load({ 2: 100 }), ['t1'])?.id).toBe('t2');
  expect(chooseTarget([target(1)], load({}), ['t1'])).toBeNull();
  expect(chooseTarget([target(1, 'starting')], load({}), [])).toBeNull();
  expect(chooseTarget([], load({}), [])).toBeNull();
});

test('takes an ejected one only where nobody else is left', () => {
  const targets = [target(1), target(2)];
  expect(chooseTarget(targets, load({ 2: 100 }), [], ['t1'])?.id).toBe('t2');
  expect(chooseTarget(targets, load({}), ['t2'], ['t1'])?.id).toBe('t1');
  expect(chooseTarget(targets, load({}), ['t1', 't2'], ['t1'])).toBeNull();
  expect(chooseTarget([target(1)], load({}), [], ['t1'])?.id).toBe('t1');
});
