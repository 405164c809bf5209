/** Traffic splits, tags and stickiness on real processes, with proxy and server apart. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Luma, until } from './luma.ts';
import {
  answeredBy,
  bothAreHeard,
  count,
  deploy,
  shares,
  split,
  untilAsleep,
  untilInForce,
} from './traffic.ts';

const minute = 60_000;
const REQUESTS = 300;

let luma: Luma;

beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process', apart: true, workers: 1 });
  await luma.add({ name: 'app', idle_timeout: '2s' });
  expect(await answeredBy(luma, 'app.localhost')).toBe(1);
}, minute);

afterAll(async () => {
  await luma?.stop();
}, minute);

test(
  'a revision without traffic is tried by its tag, which wakes it from its sleep, and nobody else meets it',
  async () => {
    await deploy(luma, 'app', { env_vars: { TURN: '2' } }, '?no_traffic=true&tag=next');
    expect((await count(luma, 'app.localhost', 20)).get(1)).toBe(20);
    expect(await answeredBy(luma, 'next---app.localhost')).toBe(2);
    await untilAsleep(luma, 'app');
    expect(await answeredBy(luma, 'next---app.localhost')).toBe(2);
    const [first, next] = await shares(luma, 'app');
    expect([first?.status, next?.status]).toEqual(['idle', 'running']);
  },
  minute,
);

test(
  'requests are shared out 80 to 20, each revision wakes for its own, and nobody is lost over sleeps',
  async () => {
    await split(luma, 'app', [
      { revision: 1, percent: 80 },
      { revision: 2, percent: 20, tag: 'next' },
    ]);
    for (let round = 0; round < 2; round++) {
      const counts = await count(luma, 'app.localhost', REQUESTS);
      expect((counts.get(1) ?? 0) + (counts.get(2) ?? 0)).toBe(REQUESTS);
      expect(counts.get(2) ?? 0).toBeGreaterThan(REQUESTS * 0.1);
      expect(counts.get(2) ?? 0).toBeLessThan(REQUESTS * 0.3);
      if (round === 0) await untilAsleep(luma, 'app');
      else await bothAreHeard(luma, 'app');
    }
  },
  minute,
);

test(
  'a client with the cookie stays with its revision',
  async () => {
    await deploy(luma, 'app', { sticky_traffic: true });
    for (let client = 0; client < 5; client++) {
      const first = await luma.get('app.localhost', '/env');
      const cookie = /luma_traffic=[^;]+/.exec(first.headers.get('set-cookie') ?? '')?.[0] ?? '';
      expect(cookie).not.toBe('');
      const revision = await answeredBy(luma, 'app.localhost', { cookie });
      for (let again = 0; again < 10; again++)
        expect(await answeredBy(luma, 'app.localhost', { cookie })).toBe(revision);
    }
    await deploy(luma, 'app', { sticky_traffic: false });
  },
  minute,
);

test(
  'switches under load lose nothing',
  async () => {
    const seen = new Map<number, number>();
    let isOver = false;
    const crowd = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        const revision = await answeredBy(luma, 'app.localhost');
        seen.set(revision, (seen.get(revision) ?? 0) + 1);
      }
    });
    await split(luma, 'app', [{ revision: 2, percent: 100 }]);
    await split(luma, 'app', [
      { revision: 1, percent: 50 },
      { revision: 2, percent: 50 },
    ]);
    await split(luma, 'app', [{ revision: 1, percent: 100 }]);
    await deploy(luma, 'app', { env_vars: { TURN: '3' } }, '?no_traffic=true&tag=third');
    await split(luma, 'app', [{ revision: 'latest', percent: 100 }]);
    await until('the latest to answer', async () => (await answeredBy(luma, 'app.localhost')) === 3);
    isOver = true;
    await Promise.all(crowd);
    expect(seen.get(0)).toBeUndefined();
    expect([...seen.keys()].toSorted()).toEqual([1, 2, 3]);
  },
  minute,
);

test(
  'a kill -9 of the server keeps the split, its hosts and who runs',
  async () => {
    await split(luma, 'app', [
      { revision: 3, percent: 50 },
      { revision: 1, percent: 50, tag: 'old' },
    ]);
    await count(luma, 'app.localhost', 10);
    const instances = async (): Promise<unknown> =>
      ((await luma.api('GET', '/projects/app')).json['instances'] as { id: string }[])
        .map(({ id }) => id)
        .toSorted();
    const before = await instances();
    await luma.killServer();
    const during = await count(luma, 'app.localhost', 20);
    expect((during.get(1) ?? 0) + (during.get(3) ?? 0)).toBe(20);
    await luma.startServer();
    await untilInForce(luma, 'app');
    expect(await instances()).toEqual(before);
    const after = await count(luma, 'app.localhost', 60);
    expect((after.get(1) ?? 0) + (after.get(3) ?? 0)).toBe(60);
    expect(Math.min(after.get(1) ?? 0, after.get(3) ?? 0)).toBeGreaterThan(10);
    await untilAsleep(luma, 'app');
    expect(await answeredBy(luma, 'old---app.localhost')).toBe(1);
  },
  minute,
);
