import { expect, test } from 'bun:test';
import { HeapTrim } from './heap-trim.ts';
import { ManualClock } from './manual-clock.ts';

function counted(): { clock: ManualClock; trim: HeapTrim; count: () => number } {
  const clock = new ManualClock();
  let shrunk = 0;
  return { clock, trim: new HeapTrim(clock, () => shrunk++), count: () => shrunk };
}

test('shrinks once when a burst is over, and again only after another one', async () => {
  const { clock, trim, count } = counted();
  for (let turn = 0; turn < 150; turn++) {
    trim.changed();
    await clock.advance(100);
  }
  expect(count()).toBe(0);
  await clock.advance(5_000);
  expect(count()).toBe(1);
  await clock.advance(60_000);
  expect(count()).toBe(1);
  for (let turn = 0; turn < 100; turn++) trim.changed();
  await clock.advance(5_000);
  expect(count()).toBe(2);
});

test('leaves a process alone that changes now and then', async () => {
  const { clock, trim, count } = counted();
  for (let turn = 0; turn < 99; turn++) {
    trim.changed();
    await clock.advance(60_000);
  }
  expect(count()).toBe(0);
});

test('takes a start for a burst', async () => {
  const { clock, trim, count } = counted();
  trim.started();
  await clock.advance(5_000);
  expect(count()).toBe(1);
});

test('leaves no timer behind', async () => {
  const { clock, trim, count } = counted();
  trim.started();
  trim.close();
  await clock.advance(60_000);
  expect(count()).toBe(0);
});
