import { expect, test } from 'bun:test';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { createFailingStore, createMemoryStore, failNthWrite } from '../../store/index.ts';
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
  const store = createFailingStore(createMemoryStore(), failNthWrite(1));
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
