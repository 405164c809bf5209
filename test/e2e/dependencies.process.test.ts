/** Projects that belong together, as real processes: the real server, the real proxy, real apps. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Luma, until } from './luma.ts';

let luma: Luma;
beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process' });
}, 60_000);
afterAll(() => luma.stop(), 60_000);

const IDLE_MS = 700;

interface Told {
  readonly project: string;
  readonly kind: string;
  readonly at: string;
}

async function toldOf(name: string): Promise<readonly Told[]> {
  const { json } = await luma.api('GET', `/projects/${name}/events?limit=1000`);
  return json['events'] as Told[];
}

/** The moment of the last event of that kind. */
async function lastAt(name: string, kind: string): Promise<number> {
  const last = (await toldOf(name)).find((event) => event.kind === kind);
  return last ? Date.parse(last.at) : Number.NaN;
}

async function pidOf(name: string): Promise<string> {
  return (await luma.get(`${name}.localhost`)).body.split(' ')[1] ?? '';
}

test('a request starts what is needed first, each after its own, and is answered when all are there', async () => {
  await luma.add({ name: 'disk', idle_timeout: `${IDLE_MS}ms` });
  await luma.add({ name: 'db', idle_timeout: `${IDLE_MS}ms`, depends_on: [{ project: 'disk' }] });
  await luma.add({ name: 'web', idle_timeout: `${IDLE_MS}ms`, depends_on: [{ project: 'db' }] });
  expect((await luma.get('web.localhost')).status).toBe(200);
  const order = [
    await lastAt('disk', 'woken'),
    await lastAt('db', 'starting'),
    await lastAt('db', 'woken'),
    await lastAt('web', 'starting'),
  ];
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect((await luma.api('GET', '/projects/db')).json['kept_awake']).toEqual([
    { by: 'dependents', projects: ['web'] },
  ]);
  expect((await luma.api('POST', '/projects/db/sleep')).json['code']).toBe('project_kept_awake');
  // The last first: each has its own idle_timeout from there.
  await luma.untilStatus('disk', 'idle');
  const ends = [await lastAt('web', 'slept'), await lastAt('db', 'slept'), await lastAt('disk', 'slept')];
  expect(ends).toEqual(ends.toSorted((a, b) => a - b));
  expect((ends[1] ?? 0) - (ends[0] ?? 0)).toBeGreaterThanOrEqual(IDLE_MS - 100);
}, 60_000);

test('requests that cross the sleeps of what is needed are all answered', async () => {
  // web is gone after one idle_timeout, db after two, the disk after three: around each of them.
  for (let n = 0; n < 12; n++) {
    const answer = await luma.get('web.localhost');
    expect([n, answer.status]).toEqual([n, 200]);
    await Bun.sleep(IDLE_MS * (1 + (n % 3)) - 20 + ((n * 13) % 60));
  }
  // So many wakes are told once, with what woke it.
  const [report, ...more] = await luma.events('web', 'flapping');
  expect(report?.details).toMatchObject({ wakes: 6, crashes: 0, paths: [{ text: '/' }] });
  expect(more).toEqual([]);
}, 60_000);

test('a server that is killed meanwhile finds who is awake, and keeps what they need', async () => {
  await luma.api('PATCH', '/projects/web', { idle_timeout: '9s' });
  expect((await luma.get('web.localhost')).status).toBe(200);
  const before = await pidOf('db');
  await luma.killServer();
  await luma.startServer();
  await until('db to be kept again', async () => {
    const { json } = await luma.api('GET', '/projects/db');
    return JSON.stringify(json['kept_awake']) === JSON.stringify([{ by: 'dependents', projects: ['web'] }]);
  });
  // Longer than its own idle_timeout.
  await Bun.sleep(3 * IDLE_MS);
  expect(await luma.status('db')).toBe('running');
  expect(await pidOf('db')).toBe(before);
  await luma.untilStatus('disk', 'idle');
  // Killed while a request waits for all three.
  const held = luma.get('web.localhost');
  await until('the wake', async () => (await luma.status('web')) !== 'idle');
  await luma.killServer();
  await luma.startServer();
  expect((await held).status).toBe(200);
}, 90_000);

test('one that does not start fails the wake with its reason, and a group wakes and sleeps together', async () => {
  await luma.add({ name: 'broken', env_vars: { EXIT_CODE: '3' } });
  await luma.add({ name: 'shop', depends_on: [{ project: 'broken' }] });
  expect((await luma.get('shop.localhost')).status).toBe(502);
  const { json } = await luma.api('GET', '/projects/shop');
  expect(json['failure']).toMatchObject({ code: 'dependency_failed' });
  expect((json['failure'] as { message: string }).message).toStartWith('it depends on broken: ');
  expect((await luma.api('DELETE', '/projects/broken')).json).toMatchObject({
    status: 409,
    code: 'project_depended_on',
  });

  for (const name of ['front', 'back']) await luma.add({ name, group: 'pair', idle_timeout: '1s' });
  expect((await luma.get('front.localhost')).status).toBe(200);
  await luma.untilStatus('back', 'running');
  await luma.untilStatus('front', 'idle');
  await luma.untilStatus('back', 'idle');
  // Neither woke the other again.
  for (const name of ['front', 'back']) expect(await luma.events(name, 'starting')).toHaveLength(1);
}, 60_000);

/** Says in a file that it has been told to end, and ends; one that is stubborn says that it lives instead. */
function program(name: string, file: string, isStubborn = false): readonly string[] {
  const serve = 'python3 -m http.server "$PORT" >/dev/null 2>&1 & child=$!';
  const heed = `trap 'kill $child; echo ${name} ends >> ${file}; exit 0' TERM; wait`;
  const ignore = `trap '' TERM; while :; do echo ${name} lives >> ${file}; sleep 0.1; done`;
  return ['sh', '-c', `${serve}; ${isStubborn ? ignore : heed}`];
}

async function endOf(web: { isStubborn: boolean; flags: readonly string[] }): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'luma-e2e-order-'));
  const file = join(folder, 'order');
  writeFileSync(file, '');
  chmodSync(folder, 0o755);
  chmodSync(file, 0o666);
  const own = await Luma.start({ runtime: 'process', flags: web.flags });
  try {
    const more = { idle_timeout: 'never', stop_timeout: '6s', working_dir: '/usr/share' };
    await own.add({ name: 'disk', ...more, command: program('disk', file) });
    const needsDisk = { depends_on: [{ project: 'disk' }] };
    await own.add({ name: 'db', ...more, ...needsDisk, command: program('db', file) });
    const needsDb = { depends_on: [{ project: 'db' }] };
    await own.add({ name: 'web', ...more, ...needsDb, command: program('web', file, web.isStubborn) });
    expect((await own.get('web.localhost')).status).toBe(200);
    expect(await own.interruptServer()).toBe(0);
    return readFileSync(file, 'utf8').trim().split('\n');
  } finally {
    await own.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the end of `luma up` stops what depends on others before them', async () => {
  expect(await endOf({ isStubborn: false, flags: [] })).toEqual(['web ends', 'db ends', 'disk ends']);
}, 60_000);

test('nobody waits longer than --shutdown-timeout for the end of what depends on it', async () => {
  const lines = await endOf({ isStubborn: true, flags: ['--shutdown-timeout', '1s'] });
  const ends = lines.filter((line) => line.endsWith('ends'));
  expect(ends.toSorted()).toEqual(['db ends', 'disk ends']);
  // It was still there, and heard of nothing, when they went.
  expect(lines.lastIndexOf('web lives')).toBeGreaterThan(lines.indexOf('disk ends'));
}, 60_000);
