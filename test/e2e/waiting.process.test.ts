/** What waits, and what neither wakes nor keeps awake, through the real programs and real instances. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Luma, until } from './luma.ts';

let luma: Luma;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'luma-access-'));
  luma = await Luma.start({ runtime: 'process', env: { LUMA_ACCESS_LOG: join(folder, 'access.log') } });
}, 60_000);
afterAll(async () => {
  await luma.stop();
  rmSync(folder, { recursive: true });
}, 60_000);

const BROWSER = { Accept: 'text/html,*/*;q=0.8', 'Sec-Fetch-Mode': 'navigate' };

/** A wake that takes less than a moment is waited for in every mode. */
const SLOW_TO_BOOT = { env_vars: { BOOT_MS: '500' } };

/** Asks again and again until it is told to stop; remembers every answer. */
function monitor(
  name: string,
  path: string,
  everyMs: number,
  headers: Record<string, string> = {},
): { readonly statuses: number[]; readonly bodies: string[]; stop(): Promise<void> } {
  const statuses: number[] = [];
  const bodies: string[] = [];
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const { status, body } = await luma.get(`${name}.localhost`, path, { headers });
      statuses.push(status);
      bodies.push(body);
      await Bun.sleep(everyMs);
    }
  };
  const over = loop();
  return {
    statuses,
    bodies,
    stop: () => {
      isOver = true;
      return over;
    },
  };
}

describe('a sleeping project', () => {
  test('with wait mode page shows a page to a browser, holds all else, and marks what was woken', async () => {
    await luma.add({ name: 'paged', wait_mode: 'page', idle_timeout: 'never', ...SLOW_TO_BOOT });
    const page = await luma.get('paged.localhost', '/', { headers: BROWSER });
    expect([page.status, page.headers.get('cache-control'), page.headers.get('retry-after')]).toEqual([
      503,
      'no-store',
      '2',
    ]);
    expect(page.body).toContain('paged is starting');
    const held = await luma.get('paged.localhost', '/', { headers: { Accept: '*/*' } });
    expect(held.status).toBe(200);
    const awake = await luma.get('paged.localhost', '/', { headers: BROWSER });
    expect([awake.status, awake.headers.get('x-luma-cold-start')]).toEqual([200, undefined]);
  }, 30_000);

  test('with wait mode hold answers a request that it woke for, and says so', async () => {
    await luma.add({ name: 'held', idle_timeout: 'never', ...SLOW_TO_BOOT });
    const woken = await luma.get('held.localhost');
    expect([woken.status, woken.headers.get('x-luma-cold-start')]).toEqual([200, '1']);
    expect(woken.headers.get('server-timing')).toMatch(/^wake;dur=\d+\.\d$/);
    expect((await luma.get('held.localhost')).headers.get('x-luma-cold-start')).toBeUndefined();
    const lines = (): { service: string; status: number; wake_ms: number | null }[] =>
      readFileSync(join(folder, 'access.log'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    await until('both to be in the access log', async () => {
      const waits = lines().filter(({ service, status }) => service === 'held' && status === 200);
      return waits.length === 2 && (waits[0]?.wake_ms ?? 0) >= 500 && waits[1]?.wake_ms === null;
    });
  }, 30_000);

  test('with wait mode reject says 503 at once, wakes, and serves soon', async () => {
    await luma.add({ name: 'rejected', wait_mode: 'reject', idle_timeout: 'never', ...SLOW_TO_BOOT });
    const first = await luma.get('rejected.localhost');
    expect([first.status, first.headers.get('x-luma-error'), first.headers.get('retry-after')]).toEqual([
      503,
      'waking',
      '1',
    ]);
    await until('it to serve', async () => (await luma.get('rejected.localhost')).status === 200);
    expect(await luma.events('rejected', 'woken')).toHaveLength(1);
  }, 30_000);
});

describe('a project with quiet rules', () => {
  const quiet_rules = [{ path: '/up', answer: { body: 'asleep' } }, { user_agent: 'bot' }];

  test('is not woken by a monitor that asks every 200 ms, and not kept awake by it either', async () => {
    await luma.add({ name: 'watched', idle_timeout: '1s', quiet_rules });
    await luma.untilStatus('watched', 'idle');
    const asking = monitor('watched', '/up', 200);
    await until('some answers', async () => asking.statuses.length >= 10);
    expect(asking.bodies.every((body) => body === 'asleep')).toBe(true);
    expect(await luma.events('watched', 'woken')).toEqual([]);
    expect((await luma.get('watched.localhost')).status).toBe(200);
    await until('the monitor to reach the app', async () => asking.bodies.at(-1)?.startsWith('pid') === true);
    await until('its sleep', async () => (await luma.events('watched', 'slept')).length === 1);
    const before = asking.statuses.length;
    await until('more answers', async () => asking.statuses.length >= before + 5);
    expect(asking.bodies.at(-1)).toBe('asleep');
    await asking.stop();
    expect(await luma.events('watched', 'woken')).toHaveLength(1);
    expect(new Set(asking.statuses)).toEqual(new Set([200]));
  }, 60_000);

  test('sleeps while bots ask all the time, and cuts none of their requests', async () => {
    await luma.add({ name: 'crawled', idle_timeout: '1s', quiet_rules });
    expect((await luma.get('crawled.localhost')).status).toBe(200);
    const bots = ['one', 'two', 'three'].map((name) =>
      monitor('crawled', '/slow?ms=300', 1, { 'User-Agent': `Crawler-Bot ${name}` }),
    );
    await until('its sleep', async () => (await luma.events('crawled', 'slept')).length === 1);
    await Promise.all(bots.map((bot) => bot.stop()));
    for (const { statuses, bodies } of bots) {
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(new Set(bodies)).toEqual(new Set(['slow\n', '']));
    }
    expect(await luma.events('crawled', 'woken')).toHaveLength(1);
  }, 60_000);
});
