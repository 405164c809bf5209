import { beforeEach, expect, test } from 'bun:test';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { createFailingStore, createMemoryStore, type Store, type WriteFate } from '../../store/index.ts';
import { RecordKeeper, type StoreWait } from './record-keeper.ts';

let clock: ManualClock;
let store: Store;
let keeper: RecordKeeper;
let fate: WriteFate;
let writes: number;

beforeEach(() => {
  clock = new ManualClock();
  fate = 'pass';
  writes = 0;
  store = createFailingStore(createMemoryStore(), () => {
    writes += 1;
    return fate;
  });
  keeper = new RecordKeeper(store, clock, silentLog);
});

const record = (instanceId: string) => ({
  instanceId,
  project: 'app',
  service: 'app',
  revision: 1,
  intent: 'live' as const,
  createdAt: 0,
});
const patience: StoreWait = { signal: new AbortController().signal, onAway: () => undefined };
const intents = async (): Promise<string[]> =>
  (await store.listInstances()).map(({ instanceId, intent }) => `${instanceId} ${intent}`);

test('what the store takes is stored at once', async () => {
  await keeper.put(record('a'), patience);
  await keeper.setIntent('a', 'stopping');
  expect(await intents()).toEqual(['a stopping']);
  await keeper.remove('a');
  expect(await intents()).toEqual([]);
  expect([keeper.isBehind, clock.armedCount]).toEqual([false, 0]);
});

test('what it cannot take is owed, the last word of each alone, and written when it can', async () => {
  for (const id of ['a', 'b', 'c']) await keeper.put(record(id), patience);
  fate = 'refuse';
  await keeper.setIntent('a', 'stopping');
  await keeper.setIntent('b', 'stopping');
  await keeper.setIntent('b', 'live');
  await keeper.setIntent('c', 'removing');
  await keeper.remove('c');
  expect(await intents()).toEqual(['a live', 'b live', 'c live']);
  expect(keeper.isBehind).toBe(true);
  await clock.advance(60_000);
  fate = 'pass';
  const before = writes;
  await clock.advance(10_000);
  expect(await intents()).toEqual(['a stopping', 'b live']);
  expect(writes - before).toBe(3);
  expect([keeper.isBehind, clock.armedCount]).toEqual([false, 0]);
});

test('it is asked less and less often while it is away', async () => {
  await keeper.put(record('a'), patience);
  fate = 'refuse';
  await keeper.setIntent('a', 'stopping');
  const before = writes;
  for (let second = 0; second < 60; second++) await clock.advance(1_000);
  expect(writes - before).toBeGreaterThan(5);
  expect(writes - before).toBeLessThan(12);
});

test('a record is made before anything else: who needs one waits until the store can take it', async () => {
  fate = 'refuse';
  const told: string[] = [];
  const wait: StoreWait = { ...patience, onAway: ({ code }) => void told.push(code) };
  let isMade = false;
  const made = keeper.put(record('a'), wait).then(() => {
    isMade = true;
  });
  await clock.advance(60_000);
  expect([isMade, keeper.isBehind, told]).toEqual([false, true, ['store_unavailable']]);
  fate = 'pass';
  await clock.advance(10_000);
  await made;
  expect(await intents()).toEqual(['a live']);
  expect([keeper.isBehind, clock.armedCount]).toEqual([false, 0]);
});

test('one asks for all who wait, and what is owed is written as well', async () => {
  await keeper.put(record('z'), patience);
  fate = 'refuse';
  const ids = ['a', 'b', 'c', 'd'];
  const all = Promise.all(ids.map((id) => keeper.put(record(id), patience)));
  await keeper.setIntent('z', 'stopping');
  const before = writes;
  for (let second = 0; second < 60; second++) await clock.advance(1_000);
  expect(writes - before).toBeLessThan(12);
  fate = 'pass';
  await clock.advance(10_000);
  await all;
  expect((await intents()).toSorted()).toEqual([...ids.map((id) => `${id} live`), 'z stopping']);
});

test('who is called off waits no more, and what the store says of the work itself ends the wait', async () => {
  fate = 'refuse';
  const off = new AbortController();
  const called = keeper.put(record('a'), { ...patience, signal: off.signal });
  const broken = keeper.whenAble(async () => {
    if (fate === 'pass') throw new Error('no such thing');
    await store.putInstance(record('b'));
  }, patience);
  broken.catch(() => undefined);
  await clock.advance(0);
  off.abort(new Error('not needed any more'));
  await expect(called).rejects.toThrow('not needed any more');
  fate = 'pass';
  await clock.advance(10_000);
  await expect(broken).rejects.toThrow('no such thing');
  expect(await intents()).toEqual([]);
  expect([keeper.isBehind, clock.armedCount]).toEqual([false, 0]);
});

test('an unknown instance is no trouble of the store', async () => {
  await expect(keeper.setIntent('nobody', 'live')).rejects.toMatchObject({ code: 'instance_not_found' });
  fate = 'refuse';
  await keeper.setIntent('nobody', 'live');
  fate = 'pass';
  await clock.advance(1_000);
  expect(keeper.isBehind).toBe(false);
});

test('the end of Luma is a last try', async () => {
  await keeper.put(record('a'), patience);
  fate = 'refuse';
  await keeper.setIntent('a', 'stopping');
  fate = 'pass';
  await keeper.close();
  expect(await intents()).toEqual(['a stopping']);
  expect(clock.armedCount).toBe(0);
});
