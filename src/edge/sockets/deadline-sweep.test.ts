import { expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { NOWHERE } from '../../base/roster.ts';
import { type DeadlineOwner, DeadlineSweep } from './deadline-sweep.ts';

class Recorder implements DeadlineOwner {
  calls: number[] = [];
  sweepPlace = NOWHERE;
  constructor(public dueMs: number) {}
  onDeadline(nowMs: number): void {
    this.calls.push(nowMs);
    this.dueMs = Number.POSITIVE_INFINITY;
  }
}

function rethrow(error: unknown): void {
  throw error;
}

test('a deadline is met at the first tick after it, and not before', async () => {
  const clock = new ManualClock();
  const sweep = new DeadlineSweep(clock, 100, rethrow);
  const owner = new Recorder(150);
  sweep.add(owner);
  await clock.advance(149);
  expect(owner.calls).toEqual([]);
  await clock.advance(51);
  expect(owner.calls).toEqual([200]);
});

test('no timer is armed while there is nobody to watch', async () => {
  const clock = new ManualClock();
  const sweep = new DeadlineSweep(clock, 100, rethrow);
  const owner = new Recorder(Number.POSITIVE_INFINITY);
  sweep.add(owner);
  expect(clock.armedCount).toBe(1);
  sweep.remove(owner);
  expect(clock.armedCount).toBe(0);
});

test('an owner that throws does not keep the others from their deadlines', async () => {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const sweep = new DeadlineSweep(clock, 100, (error) => errors.push(error));
  const bad: DeadlineOwner = {
    dueMs: 10,
    sweepPlace: NOWHERE,
    onDeadline() {
      bad.dueMs = Number.POSITIVE_INFINITY;
      throw new Error('bug');
    },
  };
  const good = new Recorder(10);
  sweep.add(bad);
  sweep.add(good);
  await clock.advance(300);
  expect(good.calls).toEqual([100]);
  expect(errors.length).toBe(1);
});
