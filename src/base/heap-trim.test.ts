import { expect, test } from 'bun:test';
import { HeapTrim } from './heap-trim.ts';
import { ManualClock } from './manual-clock.ts';

test('collects once when a burst is over, and again only after another one', async () => {
  const clock = new ManualClock();
  let collections = 0;
  const trim = new HeapTrim(clock, () => collections++);
  for (let turn = 0; turn < 10; turn++) {
    trim.touched();
    await clock.advance(1_000);
  }
  expect(collections).toBe(0);
  await clock.advance(4_000);
  expect(collections).toBe(1);
  await clock.advance(60_000);
  expect(collections).toBe(1);
  trim.touched();
  await clock.advance(5_000);
  expect(collections).toBe(2);
});

test('leaves no timer behind', async () => {
  const clock = new ManualClock();
  const trim = new HeapTrim(clock, () => expect.unreachable());
  trim.touched();
  trim.close();
  await clock.advance(60_000);
});
