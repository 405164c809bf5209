import { expect, test } from 'bun:test';
import { EVENTS_LISTED_MAX, FOLLOWED_EVENTS_MAX } from '../limits.ts';
import { ScriptedControl } from '../scripted-control.ts';
import { type FollowedItem, followEvents } from './followed-events.ts';

const idOf = (item: FollowedItem): number => (item.kind === 'event' ? item.event.id : -1);

test('tells everything missed, page by page, and what happens meanwhile, each once', async () => {
  const control = new ScriptedControl();
  for (let i = 0; i < EVENTS_LISTED_MAX + 5; i++) control.emit('app', 'woken', String(i));
  const leaving = new AbortController();
  const ids: number[] = [];
  for await (const item of followEvents(control, 'app', 0, leaving.signal)) {
    if (item.kind === 'following') continue;
    ids.push(item.event.id);
    if (ids.length === 3) control.emit('app', 'slept', 'while listing');
    if (ids.length === EVENTS_LISTED_MAX + 6) leaving.abort();
  }
  expect(ids).toEqual(Array.from({ length: EVENTS_LISTED_MAX + 6 }, (_, i) => i + 1));
  expect(control.listenerCount).toBe(0);
});

test('ends, instead of growing, for a reader that is too slow; what it told has no gap', async () => {
  const control = new ScriptedControl();
  const events = followEvents(control, 'app', null, new AbortController().signal);
  await events.next();
  const first = events.next();
  await Bun.sleep(0);
  for (let i = 0; i < FOLLOWED_EVENTS_MAX + 50; i++) control.emit('app', 'woken', String(i));
  const told = [await first];
  for (let next = await events.next(); !next.done; next = await events.next()) told.push(next);
  const ids = told.map(({ value }) => (value ? idOf(value) : -1));
  expect(ids.length).toBeLessThanOrEqual(FOLLOWED_EVENTS_MAX + 1);
  expect(ids).toEqual(ids.map((_, at) => at + 1));
  expect(control.listenerCount).toBe(0);
});

test('that nobody wants any more ends at once, and listens to nothing', async () => {
  const control = new ScriptedControl();
  const signal = AbortSignal.abort();
  const items = await Array.fromAsync(followEvents(control, 'app', 0, signal));
  expect(items).toEqual([{ kind: 'following', afterId: 0 }]);
  expect(control.listenerCount).toBe(0);
});
