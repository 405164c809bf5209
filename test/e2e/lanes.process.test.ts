/** A lane beside everything else that a project can have: each revision lives by its own load, on real processes. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Luma, until, type Wanted } from './luma.ts';
import { answeredBy, count, deploy, shares, split, untilInForce } from './traffic.ts';

const minute = 60_000;
let luma: Luma;

beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process', apart: true, workers: 2 });
}, minute);
afterAll(async () => {
  await luma?.stop();
}, minute);

interface Instance {
  readonly revision: number;
  readonly state: string;
}

const ownHost = (name: string): string => `${name}.localhost`;
const tagHost = (name: string): string => `next---${name}.localhost`;

/** Revision 1 leads; revision 2 has a lane, reached as `next---name`. Both have answered. */
async function withLane(project: Wanted): Promise<void> {
  const { name } = project;
  await luma.add(project);
  expect(await answeredBy(luma, ownHost(name))).toBe(1);
  await deploy(luma, name, { env_vars: { TURN: '2' } }, '?no_traffic=true&tag=next');
  expect(await answeredBy(luma, tagHost(name))).toBe(2);
}

/** Of revision 1 and 2. */
async function statuses(name: string): Promise<readonly string[]> {
  const found = await shares(luma, name);
  return [1, 2].map((wanted) => found.find(({ revision }) => revision === wanted)?.status ?? 'none');
}

function untilStatuses(name: string, ...wanted: readonly string[]): Promise<void> {
  return until(`${name} to be ${wanted}`, async () => (await statuses(name)).join() === wanted.join());
}

async function running(name: string, revision: number): Promise<number> {
  const { json } = await luma.api('GET', `/projects/${name}`);
  const of = (json['instances'] as Instance[]).filter((each) => each.revision === revision);
  return of.filter(({ state }) => state === 'running').length;
}

async function startOf(host: string): Promise<string> {
  const { status, headers } = await luma.get(host);
  expect(status).toBe(200);
  return headers.get('x-app-start') ?? '';
}

test(
  'scaling: a load on the tag’s host brings instances of its revision alone, and nobody is lost',
  async () => {
    await withLane({ name: 'wide', concurrency: 2, max_instances: 3, idle_timeout: '1s' });
    const answers: number[] = [];
    let isOver = false;
    const one = async (): Promise<void> => {
      while (!isOver) answers.push((await luma.get(tagHost('wide'), '/slow?ms=50')).status);
    };
    const crowd = Promise.all(Array.from({ length: 8 }, one));
    await until('three of revision 2', async () => (await running('wide', 2)) === 3);
    expect(await running('wide', 1)).toBeLessThanOrEqual(1);
    isOver = true;
    await crowd;
    expect(new Set(answers)).toEqual(new Set([200]));
    await untilStatuses('wide', 'idle', 'idle');
  },
  minute,
);

test(
  'freezing: each is suspended by its own quiet, and a request resumes the one that it is for',
  async () => {
    await withLane({ name: 'cold', freeze_after: '400ms', idle_timeout: '30s' });
    const before = [await startOf(ownHost('cold')), await startOf(tagHost('cold'))];
    await untilStatuses('cold', 'frozen', 'frozen');
    expect(await startOf(tagHost('cold'))).toBe(before[1] ?? '');
    expect((await statuses('cold'))[0]).toBe('frozen');
    await untilStatuses('cold', 'frozen', 'frozen');
    expect(await startOf(ownHost('cold'))).toBe(before[0] ?? '');
    expect((await statuses('cold'))[1]).toBe('frozen');
  },
  minute,
);

test(
  'a WebSocket through the tag’s host keeps its revision awake while the other sleeps, and no longer than it is open',
  async () => {
    await withLane({ name: 'talk', idle_timeout: '700ms' });
    const url = `ws://127.0.0.1:${luma.httpPort}/ws`;
    const socket = new WebSocket(url, { headers: { Host: tagHost('talk') } } as never);
    const heard: string[] = [];
    socket.onmessage = ({ data }) => void heard.push(String(data));
    await until('it to open', async () => socket.readyState === WebSocket.OPEN);
    await untilStatuses('talk', 'idle', 'running');
    // Longer than the idle_timeout of who sleeps already.
    expect(await answeredBy(luma, ownHost('talk'))).toBe(1);
    await untilStatuses('talk', 'idle', 'running');
    socket.send('still there');
    await until('the echo', async () => heard.includes('still there'));
    socket.close();
    await untilStatuses('talk', 'idle', 'idle');
  },
  minute,
);

test(
  'depends_on: the tag’s host wakes what its revision depends on first, and keeps it awake',
  async () => {
    await luma.add({ name: 'db', idle_timeout: '700ms' });
    await withLane({ name: 'shop', idle_timeout: '1500ms', depends_on: [{ project: 'db' }] });
    await untilStatuses('shop', 'idle', 'idle');
    await luma.untilStatus('db', 'idle');
    expect(await answeredBy(luma, tagHost('shop'))).toBe(2);
    expect(await statuses('shop')).toEqual(['idle', 'running']);
    const { json } = await luma.api('GET', '/projects/db');
    expect(json).toMatchObject({ status: 'running', kept_awake: [{ by: 'dependents' }] });
    const woken = Date.parse((await luma.events('db', 'woken'))[0]?.at ?? '');
    expect(Date.parse((await luma.events('shop', 'woken'))[0]?.at ?? '')).toBeGreaterThanOrEqual(woken);
    await untilStatuses('shop', 'idle', 'idle');
    await luma.untilStatus('db', 'idle');
  },
  minute,
);

test(
  'probes: an instance of the lane that hangs is replaced, and nobody of the other revision notices',
  async () => {
    const liveness = { http_get: { path: '/' }, period: '500ms', timeout: '400ms', failure_threshold: 2 };
    const name = 'sick';
    await withLane({ name, idle_timeout: 'never', stop_timeout: '1s', probes: { liveness } });
    const [own, next] = [await startOf(ownHost(name)), await startOf(tagHost(name))];
    expect((await luma.get(tagHost(name), '/hang')).status).toBe(200);
    await until('the verdict', async () => (await luma.events(name, 'unhealthy')).length > 0);
    expect(await startOf(tagHost(name))).not.toBe(next);
    expect(await startOf(ownHost(name))).toBe(own);
    expect((await luma.events(name, 'unhealthy'))[0]?.details['revision']).toBe(2);
  },
  minute,
);

test(
  'a kill -9 of the daemon while a lane serves loses nobody, and the next daemon knows shares, tags and who sleeps',
  async () => {
    const name = 'apart';
    await withLane({ name, idle_timeout: '1s' });
    await split(luma, name, [
      { revision: 1, percent: 50 },
      { revision: 2, percent: 50, tag: 'next' },
    ]);
    let isOver = false;
    const seen: number[] = [];
    const one = async (host: string): Promise<void> => {
      while (!isOver) seen.push(await answeredBy(luma, host));
    };
    const crowd = Promise.all([ownHost(name), ownHost(name), tagHost(name)].map(one));
    await until('some answers', async () => seen.length > 20);
    await luma.killProxy();
    const atTheKill = seen.length;
    await until('more of them', async () => seen.length > atTheKill + 60);
    await luma.startProxy();
    await untilInForce(luma, name);
    const afterwards = seen.length;
    await until('some of the next', async () => seen.length > afterwards + 60);
    isOver = true;
    await crowd;
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    await until('the server to be connected', async () => {
      return (await luma.api('GET', '/healthz')).json['proxy'] === 'connected';
    });
    await untilStatuses(name, 'idle', 'idle');
    expect(await answeredBy(luma, tagHost(name))).toBe(2);
    expect(await statuses(name)).toEqual(['idle', 'running']);
    const counts = await count(luma, ownHost(name), 60);
    expect(Math.min(counts.get(1) ?? 0, counts.get(2) ?? 0)).toBeGreaterThan(10);
  },
  minute,
);
