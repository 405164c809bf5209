import { expect, test } from 'bun:test';
import { DEFAULT_SCALING } from '../../domain/project.ts';
import { projectSettings } from '../rehearsal/platform.ts';
import { sleepPolicyOf } from './sleep-policy.ts';

function policy(idleTimeoutMs: number | null, freezeAfterMs: number | null, least: number): unknown {
  const scaling = { ...DEFAULT_SCALING, freezeAfterMs };
  return sleepPolicyOf(projectSettings({ idleTimeoutMs, scaling }), least);
}

test('quiet suspends and stops a service as its settings say', () => {
  expect(policy(20_000, 5_000, 0)).toEqual({ sleepy: true, freezes: true });
  expect(policy(20_000, null, 0)).toEqual({ sleepy: true, freezes: false });
  expect(policy(null, 5_000, 0)).toEqual({ sleepy: false, freezes: true });
  expect(policy(null, null, 0)).toEqual({ sleepy: false, freezes: false });
});

test('quiet does neither to a service of which some instances are always there', () => {
  for (const idleTimeoutMs of [20_000, null]) {
    for (const freezeAfterMs of [5_000, null]) {
      expect(policy(idleTimeoutMs, freezeAfterMs, 1)).toEqual({ sleepy: false, freezes: false });
    }
  }
});
