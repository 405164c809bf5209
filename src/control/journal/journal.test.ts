import { expect, test } from 'bun:test';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { createFailingStore, createMemoryStore, type Store } from '../../store/index.ts';
import { Journal } from './journal.ts';

const event = (message: string, project = 'app'): Omit<ProjectEvent, 'id'> => ({
  project,
  kind: 'woken',
  at: 0,
  message,
  details: {},
});

function journal(): { journal: Journal; clock: ManualClock; heard: string[] } {
  const clock = new ManualClock();
  const made = new Journal(createMemoryStore(), clock, silentLog);
  const heard: string[] = [];
  made.listen('app', ({ message }) => heard.push(message));
  return { journal: made, clock, heard };
}

test('events are told in the order they were appended, of the project that was asked for', async () => {
  const { journal: kept, heard } = journal();
  for (const message of ['one', 'two', 'three']) kept.append(event(message));
  kept.append(event('other', 'blog'));
  await kept.flush();
  expect(heard).toEqual(['one', 'two', 'three']);
});

test('nothing is written while a wake is under way, and all of it afterwards', async () => {
  const { journal: kept, clock, heard } = journal();
  kept.pause();
  kept.append(event('one'));
  await clock.advance(500);
  expect(heard).toEqual([]);
  kept.resume();
  await clock.advance(0);
  expect(heard).toEqual(['one']);
  expect(clock.armedCount).toBe(0);
});

test('a wake that takes long keeps events for a second only', async () => {
  const { journal: kept, clock, heard } = journal();
  kept.pause();
  kept.append(event('one'));
  await clock.advance(1_000);
  expect(heard).toEqual(['one']);
});

test('an event that cannot be stored is in the log, and the next one is kept', async () => {
  const warnings: string[] = [];
  const inner = createMemoryStore();
  let isFirst = true;
  const store: Store = Object.assign(Object.create(inner), {
    appendEvent: async (appended: Omit<ProjectEvent, 'id'>) => {
      if (!isFirst) return inner.appendEvent(appended);
      isFirst = false;
      throw new Error('a bug');
    },
  });
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const kept = new Journal(store, new ManualClock(), log);
  const heard: string[] = [];
  kept.listen(null, ({ message }) => heard.push(message));
  kept.append(event('lost'));
  kept.append(event('kept'));
  await kept.flush();
  expect(warnings).toEqual(['an event could not be stored']);
  expect(heard).toEqual(['kept']);
});

test('events wait in their order for a store that is away, and are told when it is back', async () => {
  let isAway = true;
  const clock = new ManualClock();
  const store = createFailingStore(createMemoryStore(), () => (isAway ? 'refuse' : 'pass'));
  const kept = new Journal(store, clock, silentLog);
  const heard: string[] = [];
  kept.listen(null, ({ message }) => heard.push(message));
  for (const message of ['one', 'two', 'three']) kept.append(event(message));
  await kept.flush();
  await clock.advance(60_000);
  expect([heard, kept.isBehind]).toEqual([[], true]);
  isAway = false;
  kept.append(event('four'));
  await clock.advance(2_000);
  expect(heard).toEqual(['one', 'two', 'three', 'four']);
  expect((await store.listEvents('app')).map(({ message }) => message)).toEqual(heard.toReversed());
  expect([kept.isBehind, clock.armedCount]).toEqual([false, 0]);
});

test('of more events than are kept for a store that is away the oldest are lost, and that is in the log', async () => {
  let isAway = true;
  const clock = new ManualClock();
  const warnings: string[] = [];
  const store = createFailingStore(createMemoryStore(), () => (isAway ? 'refuse' : 'pass'));
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const kept = new Journal(store, clock, log);
  const heard: string[] = [];
  kept.listen(null, ({ message }) => heard.push(message));
  for (let at = 0; at < 10_002; at++) kept.append(event(String(at)));
  await kept.flush();
  isAway = false;
  await kept.flush();
  expect([heard.length, heard[0], heard.at(-1)]).toEqual([10_000, '2', '10001']);
  expect(warnings.filter((warning) => warning.startsWith('too many events'))).toHaveLength(1);
});

test('a listener that throws harms nobody, and one that stopped hears nothing', async () => {
  const { journal: kept, heard } = journal();
  kept.listen(null, () => {
    throw new Error('bug');
  });
  const stop = kept.listen(null, ({ message }) => heard.push(`late ${message}`));
  stop();
  kept.append(event('one'));
  await kept.flush();
  expect(heard).toEqual(['one']);
});
