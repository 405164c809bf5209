import { afterEach, expect, test } from 'bun:test';
import { isLumaError, LumaError } from '../../base/errors.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { DEFAULT_REVISION_SETTINGS } from '../../domain/project.ts';
import type { InstanceSpec, RuntimeEvent } from '../contract.ts';
import { createFakeRuntime, type FakeRuntime } from './index.ts';

const clock = new ManualClock();
const made: FakeRuntime[] = [];

function fake(listen = false): FakeRuntime {
  const runtime = createFakeRuntime({ clock, listen });
  made.push(runtime);
  return runtime;
}

afterEach(async () => {
  for (const runtime of made.splice(0)) {
    await runtime.close();
    runtime.engine.close();
  }
});

const spec: InstanceSpec = {
  instanceId: 'i-1',
  project: 'shop',
  revision: 1,
  settings: {
    ...DEFAULT_REVISION_SETTINGS,
    image: 'shop:1',
  },
};

/** What became of a promise so far, without waiting for it. */
function fateOf(promise: Promise<unknown>): { state: 'pending' | 'done' | 'failed'; error?: unknown } {
  const fate: { state: 'pending' | 'done' | 'failed'; error?: unknown } = { state: 'pending' };
  promise.then(
    () => {
      fate.state = 'done';
    },
    (error: unknown) => {
      fate.state = 'failed';
      fate.error = error;
    },
  );
  return fate;
}

async function prepared(runtime: FakeRuntime): Promise<void> {
  await runtime.prepare(spec);
}

test('calls take as long as the script says, on the clock', async () => {
  const runtime = fake();
  runtime.script.behave('shop', { prepareMs: 30, startMs: 20, stopMs: 10 });
  const preparing = fateOf(runtime.prepare(spec));
  await clock.advance(29);
  expect(preparing.state).toBe('pending');
  await clock.advance(1);
  expect(preparing.state).toBe('done');

  const starting = fateOf(runtime.start('i-1'));
  await clock.advance(19);
  expect(starting.state).toBe('pending');
  expect((await runtime.list())[0]?.state).toBe('prepared');
  await clock.advance(1);
  expect(starting.state).toBe('done');

  const stopping = fateOf(runtime.stop('i-1', 1_000));
  await clock.advance(9);
  expect(stopping.state).toBe('pending');
  await clock.advance(1);
  expect(stopping.state).toBe('done');
  expect(clock.armedCount).toBe(0);
});

test('an aborted slow start starts nothing', async () => {
  const runtime = fake();
  await prepared(runtime);
  runtime.script.behave('i-1', { startMs: 100 });
  const abort = new AbortController();
  const starting = fateOf(runtime.start('i-1', abort.signal));
  await clock.advance(50);
  abort.abort(new Error('gave up'));
  await clock.advance(50);
  expect(starting.error).toEqual(new Error('gave up'));
  expect((await runtime.list())[0]?.state).toBe('prepared');
  expect(clock.armedCount).toBe(0);
});

test('a refused call does nothing', async () => {
  const runtime = fake();
  await prepared(runtime);
  runtime.script.behave('i-1', { refuse: { start: new LumaError('port_conflict', 'taken') } });
  await expect(runtime.start('i-1')).rejects.toMatchObject({ code: 'port_conflict' });
  expect((await runtime.list())[0]?.state).toBe('prepared');
  runtime.script.behave('i-1', {});
  await runtime.start('i-1');
  expect((await runtime.list())[0]?.state).toBe('running');
});

test('an instance can end during start, which the start tells', async () => {
  const runtime = fake();
  await prepared(runtime);
  runtime.script.behave('i-1', { exitDuringStart: { code: 137, outOfMemory: true } });
  const error = await runtime.start('i-1').catch((thrown: unknown) => thrown);
  expect(isLumaError(error, 'instance_exited') && error.details['exit']).toMatchObject({
    code: 137,
    outOfMemory: true,
  });
});

test('an instance can crash some time after it was ready', async () => {
  const runtime = fake();
  await prepared(runtime);
  const events: RuntimeEvent[] = [];
  runtime.watch((event) => events.push(event));
  runtime.script.behave('i-1', { exitAfter: { ms: 500, exit: { code: 3 } } });
  await runtime.start('i-1');
  await clock.advance(499);
  expect((await runtime.list())[0]?.state).toBe('running');
  await clock.advance(1);
  expect((await runtime.list())[0]).toMatchObject({ state: 'exited', exit: { code: 3 } });
  expect(events.map((event) => event.kind)).toEqual(['started', 'exited']);
});

test('a stop that comes first cancels the planned crash', async () => {
  const runtime = fake();
  await prepared(runtime);
  runtime.script.behave('i-1', { exitAfter: { ms: 500, exit: { code: 3 } } });
  await runtime.start('i-1');
  expect(await runtime.stop('i-1', 1_000)).toMatchObject({ code: 0, signal: null });
  expect(clock.armedCount).toBe(0);
});

test('a lost reply has acted: told as an error, or never', async () => {
  const runtime = fake();
  await prepared(runtime);
  runtime.script.loseReply('start', 'error');
  await expect(runtime.start('i-1')).rejects.toMatchObject({ code: 'runtime_unavailable' });
  expect((await runtime.list())[0]?.state).toBe('running');

  runtime.script.loseReply('stop', 'silence', 'i-1');
  const stopping = fateOf(runtime.stop('i-1', 1_000));
  await clock.advance(60_000);
  expect(stopping.state).toBe('pending');
  expect((await runtime.list())[0]?.state).toBe('exited');
  await runtime.close();
  await clock.advance(0);
  expect(stopping.state).toBe('failed');
});

test('each lost reply is lost once, and only for the instance it is meant for', async () => {
  const runtime = fake();
  await prepared(runtime);
  await runtime.prepare({ ...spec, instanceId: 'i-2' });
  runtime.script.loseReply('start', 'error', 'i-2');
  await runtime.start('i-1');
  await expect(runtime.start('i-2')).rejects.toMatchObject({ code: 'runtime_unavailable' });
  await runtime.start('i-2');
});

test('an engine that is gone refuses every call, and says relist when it is back', async () => {
  const runtime = fake();
  await prepared(runtime);
  await runtime.start('i-1');
  const events: RuntimeEvent[] = [];
  runtime.watch((event) => events.push(event));
  runtime.script.becomeUnavailable(1_000);
  await expect(runtime.list()).rejects.toMatchObject({ code: 'runtime_unavailable' });
  await expect(runtime.describe()).rejects.toMatchObject({ code: 'runtime_unavailable' });
  await expect(runtime.stop('i-1', 10)).rejects.toMatchObject({ code: 'runtime_unavailable' });
  runtime.script.exit('i-1');
  expect(events).toEqual([]);
  await clock.advance(1_000);
  expect(events).toEqual([{ kind: 'relist' }]);
  expect((await runtime.list())[0]?.state).toBe('exited');
});

test('dropped events are told by nothing but relist', async () => {
  const runtime = fake();
  await prepared(runtime);
  const events: RuntimeEvent[] = [];
  runtime.watch((event) => events.push(event));
  runtime.script.dropEvents();
  await runtime.start('i-1');
  runtime.script.exit('i-1');
  runtime.script.relist();
  expect(events).toEqual([{ kind: 'relist' }]);
});

test('it knows what it was asked for', async () => {
  const runtime = fake();
  await prepared(runtime);
  await Promise.all([runtime.start('i-1'), runtime.start('i-1')]);
  expect(runtime.script.countOf('start')).toBe(2);
  expect(runtime.script.countOf('start', 'i-2')).toBe(0);
  expect(runtime.script.calls[0]).toMatchObject({ operation: 'prepare', instanceId: 'i-1' });
});

test('an app that listens answers only once it has booted, and as the script says', async () => {
  const runtime = fake(true);
  await prepared(runtime);
  runtime.script.behave('shop', { bootMs: 100, respond: () => new Response('scripted') });
  const { address } = await runtime.start('i-1');
  const url = `http://${address.host}:${address.port}/`;
  await expect(fetch(url)).rejects.toThrow();
  await clock.advance(100);
  expect(await (await fetch(url)).text()).toBe('scripted');
});

test('a mute app runs and never opens its port', async () => {
  const runtime = fake(true);
  await prepared(runtime);
  runtime.script.behave('shop', { isMute: true });
  const { address } = await runtime.start('i-1');
  await clock.advance(60_000);
  expect(runtime.script.answers(address)).toBe(false);
  await expect(fetch(`http://${address.host}:${address.port}/`)).rejects.toThrow();
  expect((await runtime.list())[0]?.state).toBe('running');
});
