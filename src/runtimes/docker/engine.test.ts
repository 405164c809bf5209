import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { Engine, statusOf, wordsOf } from './engine.ts';
import { limits } from './limits.ts';

type Respond = (request: Request) => Response | Promise<Response>;

let folder: string;
let server: Bun.Server<undefined> | null = null;
let clock: ManualClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-engine-'));
  clock = new ManualClock();
});
afterEach(async () => {
  await server?.stop(true);
  server = null;
  rmSync(folder, { recursive: true });
});

/** An engine at a socket where this answers. */
function engineThat(respond: Respond): Engine {
  const path = join(folder, 'docker.sock');
  server = Bun.serve({ unix: path, fetch: respond });
  return new Engine({ kind: 'socket', path }, clock);
}

async function failureOf(promise: Promise<unknown>): Promise<LumaError> {
  const failure = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!isLumaError(failure)) throw failure ?? new Error('expected a failure');
  return failure;
}

describe('a call to the engine', () => {
  test('returns what the engine answers, and leaves no timer behind', async () => {
    const engine = engineThat((request) => Response.json({ path: new URL(request.url).pathname }));
    expect(await engine.look<object>('look', '/version')).toEqual({ path: '/version' });
    expect(clock.armedCount).toBe(0);
  });

  test('that is refused tells the status and the words of the engine', async () => {
    const engine = engineThat(() => Response.json({ message: 'no such thing' }, { status: 404 }));
    const failure = await failureOf(engine.look('find the thing', '/things/1'));
    expect(failure.code).toBe('runtime_failed');
    expect(failure.message).toBe('Docker could not find the thing: no such thing');
    expect([statusOf(failure), wordsOf(failure)]).toEqual([404, 'no such thing']);
  });

  test('that is refused without JSON still tells the words', async () => {
    const engine = engineThat(() => new Response('page not found', { status: 500 }));
    const failure = await failureOf(engine.look('look', '/x'));
    expect([statusOf(failure), wordsOf(failure)]).toEqual([500, 'page not found']);
  });

  test('to an engine that hangs is given up within seconds, and the connection is closed', async () => {
    const asked = Promise.withResolvers<void>();
    const pinged = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const engine = engineThat((request) => {
      if (request.url.includes('_ping')) pinged.resolve();
      else request.signal.addEventListener('abort', () => closed.resolve());
      asked.resolve();
      return new Promise(() => {});
    });
    const failure = failureOf(engine.look('tell its version', '/version'));
    await asked.promise;
    await clock.advance(limits.pulseEveryMs);
    await pinged.promise;
    await clock.advance(limits.pulseMs);
    expect(await failure).toMatchObject({ code: 'runtime_unavailable' });
    expect((await failure).message).toContain('hangs: it did not tell its version');
    await closed.promise;
    expect(clock.armedCount).toBe(0);
  });

  test('that takes too long is given up after its limit, although the engine is there', async () => {
    let pings = 0;
    const asked = Promise.withResolvers<void>();
    const engine = engineThat((request) => {
      if (!request.url.includes('_ping')) {
        asked.resolve();
        return new Promise(() => {});
      }
      pings += 1;
      return new Response('busy', { status: 500 });
    });
    const failure = failureOf(engine.look('tell its version', '/version'));
    await asked.promise;
    for (let answered = 0; answered < limits.callMs / limits.pulseEveryMs - 1; answered++) {
      while (pings !== answered || clock.nextDueInMs !== limits.pulseEveryMs) await Bun.sleep(1);
      await clock.advance(limits.pulseEveryMs);
    }
    await clock.advance(limits.pulseEveryMs);
    expect(await failure).toMatchObject({ code: 'runtime_unavailable' });
    expect((await failure).message).toContain('did not tell its version within 10 s');
  });

  test('to an engine that is not there says where it looked and what to do', async () => {
    const engine = new Engine({ kind: 'socket', path: join(folder, 'none.sock') }, clock);
    const failure = await failureOf(engine.look('look', '/version'));
    expect(failure.code).toBe('runtime_unavailable');
    expect(failure.message).toContain('none.sock');
    expect(failure.hint).toContain('start Docker');
    expect(clock.armedCount).toBe(0);
  });

  test('under way ends when the runtime is closed, and later ones do not begin', async () => {
    const asked = Promise.withResolvers<void>();
    const engine = engineThat(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    const failure = failureOf(engine.look('look', '/version'));
    await asked.promise;
    engine.close();
    expect(await failure).toMatchObject({ code: 'runtime_unavailable' });
    expect(await failureOf(engine.look('look', '/version'))).toMatchObject({ code: 'runtime_unavailable' });
    expect(clock.armedCount).toBe(0);
  });

  test('with a bug in it stays a bug', async () => {
    const engine = engineThat(() => Response.json({}));
    const bug = new TypeError('x is not a function');
    const thrown = await engine.call('do it', () => Promise.reject(bug)).catch((error) => error);
    expect(thrown).toBe(bug);
  });
});

describe('a stream from the engine', () => {
  test('has a limit for its head only, and ends with its signal', async () => {
    const engine = engineThat(() => new Response(new ReadableStream({ start: (c) => c.enqueue('one\n') })));
    const abort = new AbortController();
    const stream = await engine.openStream('open it', '/events', {}, abort.signal);
    expect(clock.armedCount).toBe(0);
    const chunks: string[] = [];
    const reading = (async () => {
      for await (const chunk of stream) {
        chunks.push(Buffer.from(chunk).toString());
        abort.abort();
      }
    })();
    await reading.catch((error) => expect(abort.signal.aborted, String(error)).toBe(true));
    expect(chunks).toEqual(['one\n']);
  });

  test('whose head never comes is given up after its limit', async () => {
    const asked = Promise.withResolvers<void>();
    const engine = engineThat(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    const failure = failureOf(engine.openStream('open it', '/events', {}, new AbortController().signal));
    await asked.promise;
    await clock.advance(limits.callMs);
    expect(await failure).toMatchObject({ code: 'runtime_unavailable' });
  });
});
