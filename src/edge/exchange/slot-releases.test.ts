import { beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { SlotReleases } from './slot-releases.ts';

let clock: ManualClock;
let announced: number;
let releases: SlotReleases;
beforeEach(() => {
  clock = new ManualClock();
  announced = 0;
  releases = new SlotReleases(clock, { slotShareMs: 5, slotAnnounceMs: 1 }, () => announced++);
});

test('without others who wait nothing is said', () => {
  expect([releases.mayTake(true, false), releases.mayTake(false, false), announced]).toEqual([true, true, 0]);
});

test('a worker whose own requests wait offers one slot in 5 ms to all, and keeps the rest', async () => {
  expect([releases.mayTake(true, true), announced]).toEqual([false, 1]);
  await clock.advance(4);
  expect([releases.mayTake(true, true), announced]).toEqual([true, 1]);
  await clock.advance(1);
  expect([releases.mayTake(true, true), announced]).toEqual([false, 2]);
});

test('a worker with nobody waiting announces all it releases, at most once in a millisecond', async () => {
  for (let release = 0; release < 10; release++) expect(releases.mayTake(false, true)).toBe(false);
  expect(announced).toBe(1);
  await clock.advance(1);
  expect([announced, clock.armedCount]).toEqual([2, 0]);
  await clock.advance(10);
  releases.mayTake(false, true);
  expect(announced).toBe(3);
});

test('what was to be announced is not, once the service is gone', async () => {
  releases.mayTake(false, true);
  releases.mayTake(false, true);
  releases.close();
  await clock.advance(10);
  expect([announced, clock.armedCount]).toEqual([1, 0]);
});
