import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { RuntimeEvent } from '../contract.ts';
import { Engine } from './engine.ts';
import { type EngineEvent, EngineEvents, runtimeEvent } from './engine-events.ts';
import { limits } from './limits.ts';

const raw = (Action: string, attributes: Record<string, string> = {}) => ({
  Action,
  Actor: { Attributes: { 'luma.instance': 'i-1', ...attributes } },
  timeNano: 1_700_000_000_123 * 1e6,
});

describe('an event of the engine', () => {
  const told = (...events: ReturnType<typeof raw>[]): (EngineEvent | null)[] => {
    const ranOutOfMemory = new Set<string>();
    return events.map((event) => runtimeEvent(event, ranOutOfMemory));
  };

  test.each([
    ['start', 'started'],
    ['pause', 'frozen'],
    ['unpause', 'thawed'],
    ['destroy', 'removed'],
  ] as const)('%s means %s', (action, kind) => {
    expect(told(raw(action))).toEqual([{ kind, instanceId: 'i-1' }]);
  });

  test('die tells the exit', () => {
    const exit = { code: 3, signal: null, outOfMemory: false, at: 1_700_000_000_123 };
    expect(told(raw('die', { exitCode: '3' }))).toEqual([{ kind: 'exited', instanceId: 'i-1', exit }]);
  });

  test('oom before it makes the exit one for want of memory, but not the next one', () => {
    const exits = told(
      raw('oom'),
      raw('die', { exitCode: '137' }),
      raw('start'),
      raw('die', { exitCode: '137' }),
    );
    const flags = exits.flatMap((event) => (event?.kind === 'exited' ? [event.exit.outOfMemory] : []));
    expect(flags).toEqual([true, false]);
  });

  test('of a child that ran out of memory does not colour a later ordinary exit', () => {
    expect(told(raw('oom'), raw('die', { exitCode: '0' }))[1]).toMatchObject({
      exit: { outOfMemory: false },
    });
  });

  test.each(['die', 'destroy'])('%s of a sandbox means that its instance is out of reach', (Action) => {
    const event = { Action, Actor: { Attributes: { 'luma.sandbox': 'i-1' } } };
    expect(runtimeEvent(event, new Set())).toEqual({ kind: 'sandbox-ended', instanceId: 'i-1' });
    expect(runtimeEvent({ ...event, Action: 'start' }, new Set())).toBeNull();
  });

  test('of something that is no instance, or of an unknown kind, is passed over', () => {
    expect(told(raw('rename'))).toEqual([null]);
    expect(runtimeEvent({ Action: 'start', Actor: { Attributes: {} } }, new Set())).toBeNull();
    expect(runtimeEvent({}, new Set())).toBeNull();
  });
});

describe('the event stream', () => {
  let folder: string;
  let clock: ManualClock;
  let engine: Engine;
  let server: Bun.Server<undefined>;
  let opened: URL[];
  let current: ReadableStreamDefaultController<string> | null;
  let isUp: boolean;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'luma-events-'));
    clock = new ManualClock();
    opened = [];
    current = null;
    isUp = true;
    const path = join(folder, 'docker.sock');
    server = Bun.serve({
      unix: path,
      fetch(request) {
        opened.push(new URL(request.url));
        if (!isUp) return new Response('down', { status: 500 });
        return new Response(
          new ReadableStream<string>({
            start: (controller) => {
              current = controller;
              // So that the head goes out at once, as Docker's does.
              controller.enqueue('\n');
            },
          }),
        );
      },
    });
    engine = new Engine({ kind: 'socket', path }, clock);
  });
  afterEach(async () => {
    engine.close();
    await server.stop(true);
    rmSync(folder, { recursive: true });
  });

  const events = () => new EngineEvents(engine, 'inst-1', clock, silentLog);
  const eventually = async (isTrue: () => boolean): Promise<void> => {
    const deadline = performance.now() + 10_000;
    while (!isTrue()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${isTrue}`);
      await Bun.sleep(1);
    }
  };

  test('asks for this installation alone, from the moment of the watch on', async () => {
    const watched = events();
    const stop = watched.watch(() => {});
    await eventually(() => opened.length === 1);
    const { searchParams } = opened[0]!;
    const filters = JSON.parse(searchParams.get('filters') ?? '{}');
    expect(filters.label).toEqual(['luma.installation=inst-1']);
    expect(filters.type).toEqual(['container']);
    expect(Number(searchParams.get('since'))).toBe(clock.now() / 1_000);
    stop();
  });

  test('tells the runtime alone that a sandbox ended', async () => {
    const told: EngineEvent[] = [];
    const heard: RuntimeEvent[] = [];
    const watched = new EngineEvents(engine, 'inst-1', clock, silentLog, (event) => told.push(event));
    const stop = watched.watch((event) => heard.push(event));
    await eventually(() => current !== null);
    const ended = { Action: 'die', Actor: { Attributes: { 'luma.sandbox': 'i-1' } } };
    current?.enqueue(`${JSON.stringify(ended)}\n${JSON.stringify(raw('start'))}\n`);
    await eventually(() => told.length === 2);
    expect(told.map(({ kind }) => kind)).toEqual(['sandbox-ended', 'started']);
    expect(heard.map(({ kind }) => kind)).toEqual(['started']);
    stop();
  });

  test('tells once what the engine tells from its memory and as news, and again what happens again', async () => {
    const heard: string[] = [];
    const stop = events().watch(({ kind }) => heard.push(kind));
    await eventually(() => current !== null);
    const at = (timeMs: number, action: string) => JSON.stringify({ ...raw(action), timeNano: timeMs * 1e6 });
    const remembered = [at(1, 'start'), at(2, 'pause'), at(3, 'unpause')];
    const news = [at(2, 'pause'), at(3, 'unpause'), at(4, 'pause')];
    current?.enqueue(`${[...remembered, ...news].join('\n')}\n`);
    await eventually(() => heard.length >= 4);
    expect(heard).toEqual(['started', 'frozen', 'thawed', 'frozen']);
    stop();
  });

  test('is one for all listeners, each of which can leave', async () => {
    const watched = events();
    const heard: string[] = [];
    const stopFirst = watched.watch(() => heard.push('first'));
    const stopSecond = watched.watch(() => heard.push('second'));
    await eventually(() => current !== null);
    current?.enqueue(`${JSON.stringify(raw('start'))}\n`);
    await eventually(() => heard.length === 2);
    stopFirst();
    current?.enqueue(`${JSON.stringify({ ...raw('start'), timeNano: 1_700_000_001_000 * 1e6 })}\n`);
    await eventually(() => heard.length === 3);
    expect(heard).toEqual(['first', 'second', 'second']);
    expect(opened.length).toBe(1);
    stopSecond();
  });

  test('that breaks is opened again with growing pauses, and then says relist', async () => {
    const watched = events();
    const heard: RuntimeEvent[] = [];
    const stop = watched.watch((event) => heard.push(event));
    await eventually(() => current !== null);
    isUp = false;
    current?.close();
    for (let pauseMs = limits.reconnectFirstMs, tries = 2; tries <= 4; tries++, pauseMs *= 2) {
      // A call to the engine arms a timer too: it is the pause that is waited for.
      await eventually(() => clock.nextDueInMs === pauseMs);
      await clock.advance(pauseMs - 1);
      expect(opened.length).toBe(tries - 1);
      await clock.advance(1);
      await eventually(() => opened.length === tries);
    }
    expect(heard).toEqual([]);
    isUp = true;
    const pauseMs = Math.min(limits.reconnectFirstMs * 2 ** 3, limits.reconnectLastMs);
    await eventually(() => clock.nextDueInMs === pauseMs);
    await clock.advance(pauseMs);
    await eventually(() => heard.length === 1);
    expect(heard).toEqual([{ kind: 'relist' }]);
    expect(opened.at(-1)?.searchParams.has('since')).toBe(false);
    current?.enqueue(`${JSON.stringify(raw('start'))}\n`);
    await eventually(() => heard.length === 2);
    stop();
  });

  test('that says something that is not JSON is broken, not believed', async () => {
    const watched = events();
    const heard: RuntimeEvent[] = [];
    const stop = watched.watch((event) => heard.push(event));
    await eventually(() => current !== null);
    current?.enqueue('{"Action": nonsense}\n');
    await eventually(() => clock.nextDueInMs === limits.reconnectFirstMs);
    await clock.advance(limits.reconnectFirstMs);
    await eventually(() => heard.length === 1);
    expect(heard).toEqual([{ kind: 'relist' }]);
    stop();
  });

  test('is closed with its last listener, also in the middle of a pause', async () => {
    const watched = events();
    const stop = watched.watch(() => {});
    await eventually(() => current !== null);
    current?.close();
    await eventually(() => clock.nextDueInMs === limits.reconnectFirstMs);
    stop();
    await eventually(() => clock.armedCount === 0);
    await clock.advance(limits.reconnectLastMs);
    expect(opened.length).toBe(1);
  });
});
