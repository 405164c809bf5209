/** Streams as the typed client sees them, over a real connection. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { LumaError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { LogQuery } from '../../control/contract.ts';
import { ApiError, createApiClient } from '../client/index.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { STREAM_PING_MS } from '../limits.ts';
import type { LogLine } from '../project-json.ts';
import { SCRIPTED_NOW, ScriptedControl } from '../scripted-control.ts';

let control: ScriptedControl;
let clock: ManualClock;
let api: ApiServer;
let url: string;
let client: ReturnType<typeof createApiClient>;

beforeEach(async () => {
  control = new ScriptedControl();
  clock = new ManualClock(SCRIPTED_NOW);
  const options = { control, clock, log: silentLog, version: '0.1.0' };
  api = await createApiServer({ ...options, hostname: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${api.port}`;
  client = createApiClient({ baseUrl: url, clock });
  await client.createProject({ name: 'app', docker_image: 'nginx', hostname: 'app.localhost' });
});

afterEach(() => api.stop());

const line = (text: string, at = 0): LogLine => ({
  ...{ at: SCRIPTED_NOW + at, stream: 'stdout', text },
  ...{ instanceId: 'i-1', revision: 1 },
});

/** Lines that a test hands out one by one; ends when the stream's signal says so. */
class Tap {
  readonly opened = Promise.withResolvers<LogQuery>();
  readonly closed = Promise.withResolvers<void>();
  #give = Promise.withResolvers<LogLine>();

  give(text: string): void {
    this.#give.resolve(line(text));
  }

  source = (query: LogQuery): AsyncIterable<LogLine> => this.#lines(query);

  async *#lines(query: LogQuery): AsyncGenerator<LogLine> {
    this.opened.resolve(query);
    const over = new Promise<null>((resolve) => query.signal?.addEventListener('abort', () => resolve(null)));
    try {
      for (;;) {
        const next = await Promise.race([this.#give.promise, over]);
        if (!next) return;
        this.#give = Promise.withResolvers();
        yield next;
      }
    } finally {
      this.closed.resolve();
    }
  }
}

async function firstOf<T>(iterator: AsyncIterator<T>): Promise<T | undefined> {
  const next = await iterator.next();
  return next.done ? undefined : next.value;
}

describe('logs', () => {
  test('come as lines of text to who asks for nothing else', async () => {
    control.logSource = async function* () {
      yield line('one');
      yield { ...line('zwei ü'), stream: 'stderr' };
    };
    const response = await fetch(`${url}/projects/app/logs`);
    expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe('one\nzwei ü\n');
  });

  test('come as events with their time and stream to who asks for events', async () => {
    control.logSource = async function* () {
      yield line('one');
      yield { ...line('a "quoted"\rline', 5), stream: 'stderr' };
    };
    const lines = await Array.fromAsync(client.logs('app'));
    const writer = { instance: 'i-1', revision: 1 };
    expect(lines).toEqual([
      { at: '2023-11-14T22:13:20.000Z', stream: 'stdout', text: 'one', ...writer },
      { at: '2023-11-14T22:13:20.005Z', stream: 'stderr', text: 'a "quoted"\rline', ...writer },
    ]);
  });

  test('are asked for with tail, since and follow', async () => {
    await Array.fromAsync(client.logs('app', { tail: 5, since: '10m' }));
    await Array.fromAsync(
      client.logs('app', { since: '2023-11-14T23:00:00+01:00', follow: true, revision: 3 }),
    );
    expect(control.logQueries.map(({ signal: _, ...query }) => query)).toEqual([
      { follow: false, tail: 5, since: SCRIPTED_NOW - 600_000 },
      { follow: true, since: Date.parse('2023-11-14T22:00:00Z'), revision: 3 },
    ]);
  });

  test('follow: each line comes when it is written, and the end when the client leaves', async () => {
    const tap = new Tap();
    control.logSource = tap.source;
    const lines = client.logs('app', { follow: true })[Symbol.asyncIterator]();
    for (const text of ['one', 'two']) {
      tap.give(text);
      expect((await firstOf(lines))?.text).toBe(text);
    }
    await lines.return?.();
    await tap.closed.promise;
    expect((await tap.opened.promise).signal?.aborted).toBe(true);
  });

  test('follow by curl ends with curl', async () => {
    const tap = new Tap();
    control.logSource = tap.source;
    const curl = Bun.spawn(['curl', '-sN', `${url}/projects/app/logs?follow`], { stdout: 'pipe' });
    const output = curl.stdout.getReader();
    tap.give('hello');
    expect(new TextDecoder().decode((await output.read()).value)).toBe('hello\n');
    curl.kill();
    await tap.closed.promise;
  });

  test('a signal ends the loop quietly', async () => {
    const tap = new Tap();
    control.logSource = tap.source;
    const leaving = new AbortController();
    const all = Array.fromAsync(client.logs('app', { follow: true, signal: leaving.signal }));
    tap.give('one');
    await tap.opened.promise;
    leaving.abort();
    expect((await all).length).toBeLessThanOrEqual(1);
    await tap.closed.promise;
  });

  test('a failure before the first line has its own status', async () => {
    // biome-ignore lint/correctness/useYield: it fails before.
    control.logSource = async function* () {
      throw new LumaError('runtime_unavailable', 'the engine does not answer');
    };
    const error = await Array.fromAsync(client.logs('app')).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'runtime_unavailable', status: 503 });
  });

  test('a failure in the middle is told after the lines before it', async () => {
    control.logSource = async function* () {
      yield line('one');
      throw new LumaError('runtime_unavailable', 'the engine went away', { hint: 'Wait.' });
    };
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { text } of client.logs('app')) seen.push(text);
    })();
    const error = await reading.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'runtime_unavailable', hint: 'Wait.' });
    expect(seen).toEqual(['one']);
  });

  test('a failure in the middle of plain lines breaks the answer off', async () => {
    control.logSource = async function* () {
      yield line('one');
      throw new LumaError('runtime_unavailable', 'the engine went away');
    };
    const curl = Bun.spawn(['curl', '-sN', `${url}/projects/app/logs`], { stdout: 'pipe' });
    expect(await curl.stdout.text()).toBe('one\n');
    // 18: partial file; 56: reset.
    expect([18, 56]).toContain(await curl.exited);
  });

  test('a reader that stops reading stops the source', async () => {
    let given = 0;
    control.logSource = async function* () {
      for (; ; given++) yield line('x'.repeat(10_000));
    };
    const response = await fetch(`${url}/projects/app/logs?follow`);
    const reader = response.body?.getReader();
    await reader?.read();
    let last = -1;
    // Buffers on the way fill up, and then nothing more is asked for.
    for (let turn = 0; turn < 100 && given !== last; turn++) {
      last = given;
      await Bun.sleep(50);
    }
    expect(given).toBe(last);
    expect(given).toBeLessThan(5_000);
    await reader?.cancel();
  });

  test('a quiet stream is kept alive by a comment every 15 seconds', async () => {
    const tap = new Tap();
    control.logSource = tap.source;
    const response = await fetch(`${url}/projects/app/logs?follow`, {
      headers: { Accept: 'text/event-stream' },
    });
    const reader = response.body?.getReader();
    for (let ping = 0; ping < 2; ping++) {
      const read = reader?.read();
      await untilArmed();
      await clock.advance(STREAM_PING_MS);
      expect(new TextDecoder().decode((await read)?.value)).toBe(': quiet\n\n');
    }
    await reader?.cancel();
    await tap.closed.promise;
    expect(clock.armedCount).toBe(0);
  });

  test('end when the API stops', async () => {
    const tap = new Tap();
    control.logSource = tap.source;
    const all = Array.fromAsync(client.logs('app', { follow: true }));
    await tap.opened.promise;
    await api.stop();
    expect(await all).toEqual([]);
    await tap.closed.promise;
  });
});

describe('events', () => {
  test('are listed newest first, or after an id', async () => {
    for (const message of ['a', 'b', 'c']) control.emit('app', 'woken', message);
    expect((await client.events('app')).map(({ message }) => message)).toEqual(['c', 'b', 'a']);
    expect((await client.events('app', { limit: 1 })).map(({ message }) => message)).toEqual(['c']);
    const after = await client.events('app', { after: 1 });
    expect(after).toEqual([
      { id: 2, project: 'app', kind: 'woken', at: '2023-11-14T22:13:20.002Z', message: 'b', details: {} },
      { id: 3, project: 'app', kind: 'woken', at: '2023-11-14T22:13:20.003Z', message: 'c', details: {} },
    ]);
  });

  test('follow: from now on, each as it happens, and the listener goes with the client', async () => {
    control.emit('app', 'created', 'long ago');
    const events = client.followEvents('app')[Symbol.asyncIterator]();
    const first = events.next();
    await until(() => control.listenerCount === 1);
    await until(() => control.calls.filter((call) => call === 'events').length === 2);
    control.emit('app', 'woken', 'now');
    expect((await first).value?.message).toBe('now');
    control.emit('other', 'woken', 'not ours');
    control.emit('app', 'slept', 'later');
    expect((await events.next()).value?.message).toBe('later');
    await events.return?.();
    await until(() => control.listenerCount === 0);
  });

  test('follow after an id: what was missed first, none twice', async () => {
    for (const message of ['a', 'b', 'c']) control.emit('app', 'woken', message);
    const events = client.followEvents('app', { after: 1 })[Symbol.asyncIterator]();
    const seen = [(await events.next()).value?.id, (await events.next()).value?.id];
    control.emit('app', 'slept', 'd');
    seen.push((await events.next()).value?.id);
    expect(seen).toEqual([2, 3, 4]);
    await events.return?.();
  });

  test('follow goes on over a restart of the API without a gap', async () => {
    const leaving = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of client.followEvents('app', { signal: leaving.signal }))
        seen.push(message);
    })();
    await until(() => control.listenerCount === 1);
    await until(() => control.calls.filter((call) => call === 'events').length === 2);
    control.emit('app', 'woken', 'before');
    await until(() => seen.length === 1);
    await api.stop();
    control.emit('app', 'slept', 'meanwhile');
    const options = { control, clock, log: silentLog, version: '0.1.0' };
    api = await createApiServer({ ...options, hostname: '127.0.0.1', port: api.port });
    await until(() => clock.armedCount > 0);
    await clock.advance(1_000);
    await until(() => seen.length === 2);
    control.emit('app', 'woken', 'after');
    await until(() => seen.length === 3);
    expect(seen).toEqual(['before', 'meanwhile', 'after']);
    leaving.abort();
    await reading;
  });

  test('has ids that a browser resumes by', async () => {
    control.emit('app', 'created', 'a');
    control.emit('app', 'woken', 'b');
    const response = await fetch(`${url}/projects/app/events?follow`, { headers: { 'Last-Event-ID': '1' } });
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes('"b"')) text += new TextDecoder().decode((await reader?.read())?.value);
    expect(text).toStartWith('event: following\nid: 1\ndata: {}\n\nid: 2\ndata: {"id":2,');
    await reader?.cancel();
  });
});

/** Network and promises take the turns they take; nothing here waits for time. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(1);
}

const untilArmed = () => until(() => clock.armedCount > 0);
