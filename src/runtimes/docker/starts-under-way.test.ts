import { expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { StartsUnderWay } from './starts-under-way.ts';

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const later = Symbol();
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, later))])) !== later;
}

test('nobody waits where nothing starts', async () => {
  await new StartsUnderWay(new ManualClock()).whenNone(5_000);
});

test('who waits goes on when the last start has ended, also one that failed', async () => {
  const clock = new ManualClock();
  const starts = new StartsUnderWay(clock);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const runs = [starts.run(() => first.promise), starts.run(() => second.promise)];
  const waiting = starts.whenNone(5_000);
  first.resolve();
  await runs[0];
  expect(await isSettled(waiting)).toBe(false);
  second.reject(new Error('no'));
  expect(runs[1]).rejects.toThrow('no');
  await waiting;
  expect(clock.armedCount).toBe(0);
});

test('who has waited long enough goes on in any case', async () => {
  const clock = new ManualClock();
  const starts = new StartsUnderWay(clock);
  const endless = Promise.withResolvers<void>();
  void starts.run(() => endless.promise);
  const waiting = starts.whenNone(5_000);
  await clock.advance(4_999);
  expect(await isSettled(waiting)).toBe(false);
  await clock.advance(1);
  await waiting;
  expect(clock.armedCount).toBe(0);
});
