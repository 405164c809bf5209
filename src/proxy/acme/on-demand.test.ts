import { afterEach, expect, test } from 'bun:test';
import type { Server } from 'bun';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import { ASK_AT_ONCE_MAX, ASK_NO_MS, ASK_TIMEOUT_MS } from './limits.ts';
import { OnDemand } from './on-demand.ts';

let server: Server<undefined> | undefined;
afterEach(() => server?.stop(true));

function asked(answer: (host: string) => Response | Promise<Response>): { url: string; hosts: string[] } {
  const hosts: string[] = [];
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      const host = new URL(request.url).searchParams.get('host') ?? '';
      hosts.push(host);
      return answer(host);
    },
  });
  return { url: `http://127.0.0.1:${server.port}/allowed?from=luma`, hosts };
}

test('200 is yes, everything else is no, redirects too', async () => {
  const { url } = asked((host) => new Response('', { status: Number(host), headers: { location: '/200' } }));
  const onDemand = new OnDemand(new ManualClock(), silentLog);
  const answers = await Promise.all(
    ['200', '204', '302', '404', '500'].map((host) => onDemand.isAllowed({ host, url })),
  );
  expect(answers).toEqual([true, true, false, false, false]);
});

test('a no is believed for a minute, and one question serves all who ask at once', async () => {
  const { url, hosts } = asked(() => new Response('', { status: 403 }));
  const clock = new ManualClock();
  const onDemand = new OnDemand(clock, silentLog);
  const ask = { host: 'a.test', url };
  await Promise.all([onDemand.isAllowed(ask), onDemand.isAllowed(ask)]);
  await onDemand.isAllowed(ask);
  expect(hosts).toEqual(['a.test']);
  await clock.advance(ASK_NO_MS);
  await onDemand.isAllowed(ask);
  expect(hosts).toEqual(['a.test', 'a.test']);
});

test('who does not answer in time says no', async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const heard = Promise.withResolvers<void>();
  const { url } = asked(() => {
    heard.resolve();
    return promise;
  });
  const clock = new ManualClock();
  const answer = new OnDemand(clock, silentLog).isAllowed({ host: 'a.test', url });
  await heard.promise;
  await clock.advance(ASK_TIMEOUT_MS);
  expect(await answer).toBe(false);
  resolve(new Response());
});

test('beyond so many questions at once the answer is no, without a question', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { url } = asked(async () => {
    await promise;
    return new Response();
  });
  const onDemand = new OnDemand(new ManualClock(), silentLog);
  const first = Array.from({ length: ASK_AT_ONCE_MAX }, (_, index) =>
    onDemand.isAllowed({ host: `h${index}.test`, url }),
  );
  expect(await onDemand.isAllowed({ host: 'late.test', url })).toBe(false);
  resolve();
  expect((await Promise.all(first)).every(Boolean)).toBe(true);
});

test('a service that is down lets nobody in', async () => {
  const onDemand = new OnDemand(new ManualClock(), silentLog);
  expect(await onDemand.isAllowed({ host: 'a.test', url: 'http://127.0.0.1:9/' })).toBe(false);
});
