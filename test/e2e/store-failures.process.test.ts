/** What clients get, and what the operator reads, while the database is locked, full, gone or damaged. */
import { Database } from 'bun:sqlite';
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Luma, until } from './luma.ts';
import { StoreDisk } from './store-disk.ts';

const limitMs = 120_000;
const canMount = StoreDisk.isPossible();
const disk = new StoreDisk();
let luma: Luma;

beforeAll(async () => {
  const small = { prepare: (dataDir: string) => disk.mountAt(dataDir), cleanUp: () => disk.unmount() };
  luma = await Luma.start({ runtime: 'process', apart: true, ...(canMount ? small : {}) });
}, limitMs);
afterEach(async () => {
  for (const { name } of await luma.projects()) await luma.api('DELETE', `/projects/${name}`);
}, limitMs);
afterAll(async () => {
  await luma?.stop();
}, limitMs);

const it = (sentence: string, run: () => Promise<void>): void => test(sentence, run, limitMs);
const database = (): string => join(luma.dataDir, 'luma.db');
const statusOf = async (name: string): Promise<number> => (await luma.get(`${name}.localhost`)).status;
const health = async (): Promise<Record<string, unknown>> => (await luma.api('GET', '/healthz')).json;
const untilCaughtUp = (): Promise<void> =>
  until('the store to have everything', async () => (await health())['store'] === 'ok');
const kindsOf = async (name: string): Promise<string[]> =>
  (await luma.events(name)).map(({ kind }) => kind).toReversed();

/** One that is awake, one that sleeps. */
async function addBoth(): Promise<void> {
  await luma.add({ name: 'awake', idle_timeout: 'never', env_vars: { TURN: '1' } });
  await luma.add({ name: 'asleep', idle_timeout: 'never' });
  for (const name of ['awake', 'asleep']) expect(await statusOf(name)).toBe(200);
  expect((await luma.api('POST', '/projects/asleep/sleep')).status).toBe(200);
}

/** Everything that needs no word of the store. */
async function goesOn(): Promise<void> {
  expect(await statusOf('awake')).toBe(200);
  for (let turn = 0; turn < 2; turn++) {
    expect(await statusOf('asleep')).toBe(200);
    expect((await luma.api('POST', '/projects/asleep/sleep')).status).toBe(200);
    expect(await luma.status('asleep')).toBe('idle');
  }
  expect(await statusOf('asleep')).toBe(200);
  expect(await health()).toMatchObject({ status: 'degraded', store: 'behind' });
}

/** Refused with what to do, and nothing of it is there. */
async function refuses(status: number, code: string): Promise<void> {
  const before = (await luma.api('GET', '/projects/awake')).json;
  const asked = await Promise.all([
    luma.api('POST', '/projects', { name: 'new', command: ['true'], hostname: 'new.localhost' }),
    luma.api('PATCH', '/projects/awake', { env_vars: { TURN: '2' } }),
    luma.api('PATCH', '/projects/awake', { hostname: 'other.localhost' }),
    luma.api('PUT', '/projects/awake/traffic', { traffic: [{ revision: 1, percent: 100, tag: 'one' }] }),
    luma.api('POST', '/projects/awake/stop'),
    luma.api('DELETE', '/projects/awake'),
    luma.api('PUT', '/registries/ghcr.io', { registry_token: 'x' }),
  ]);
  for (const { status: got, headers, json } of asked) {
    expect([got, json['code']]).toEqual([status, code]);
    expect(headers.has('retry-after')).toBe(status === 503);
    expect(String(json['hint']).length).toBeGreaterThan(10);
    expect(String(json['detail'])).toContain(database());
  }
  // Without room not even a new key can be written.
  const rotation = await luma.api('POST', '/secrets/rotate-key');
  expect([code, 'key_file_unwritable']).toContain(String(rotation.json['code']));
  const after = (await luma.api('GET', '/projects/awake')).json;
  expect(after).toEqual(before);
  expect((await luma.projects()).map(({ name }) => name)).toEqual(['asleep', 'awake']);
  expect((await luma.get('other.localhost')).status).toBe(404);
  expect((await luma.get('new.localhost')).status).toBe(404);
  expect(await statusOf('awake')).toBe(200);
  expect((await luma.api('GET', '/registries')).json['registries']).toEqual([]);
}

/** What happened meanwhile is told in its order, and a restart finds what is. */
async function isWhole(): Promise<void> {
  await untilCaughtUp();
  const told = (await kindsOf('asleep')).filter((kind) => ['woken', 'slept'].includes(kind));
  expect(told).toEqual(['woken', 'slept', 'woken', 'slept', 'woken', 'slept', 'woken']);
  const ofAwake = await kindsOf('awake');
  for (const refused of ['deleted', 'updated', 'stopped']) expect(ofAwake).not.toContain(refused);
  await luma.killServer();
  await luma.startServer();
  await luma.untilStatus('asleep', 'running');
  expect(await statusOf('awake')).toBe(200);
  expect((await luma.api('PATCH', '/projects/awake', { env_vars: { TURN: '3' } })).status).toBe(200);
}

it('locked by another program: sleeps and wakes go on, changes are refused, all is written afterwards', async () => {
  await addBoth();
  const other = new Database(database());
  other.run('pragma busy_timeout = 5000');
  other.run('begin immediate');
  try {
    await goesOn();
    await refuses(503, 'store_busy');
  } finally {
    other.run('rollback');
    other.close(true);
  }
  await isWhole();
});

test.skipIf(!canMount)(
  'a full disk: sleeps and wakes go on, changes are refused, all is written when there is room',
  async () => {
    await addBoth();
    disk.fill();
    try {
      await goesOn();
      await refuses(507, 'store_full');
    } finally {
      disk.free();
    }
    await isWhole();
  },
  limitMs,
);

it('moved away for a while: sleeps and wakes go on, changes are refused, all is written when it is back', async () => {
  await addBoth();
  renameSync(database(), `${database()}.away`);
  try {
    await goesOn();
    await refuses(503, 'store_unavailable');
  } finally {
    renameSync(`${database()}.away`, database());
  }
  await isWhole();
});

it('damaged while the server was away: it does not start and keeps the file, the edge serves on, a backup brings all back', async () => {
  await addBoth();
  await luma.interruptServer();
  const backup = `${database()}.backup`;
  copyFileSync(database(), backup);
  const damaged = readFileSync(database());
  damaged.fill(0xa5, 4_096);
  writeFileSync(database(), damaged);
  await expect(luma.startServer()).rejects.toThrow(/luma\.db cannot be used|luma\.db is damaged/);
  expect(readFileSync(database())).toEqual(damaged);
  expect(await statusOf('awake')).toBe(200);
  copyFileSync(backup, database());
  await luma.startServer();
  expect(await statusOf('awake')).toBe(200);
  expect(await statusOf('asleep')).toBe(200);
});

it('without its key, or with another one: it does not start and changes nothing; with it, all is there', async () => {
  await addBoth();
  await luma.interruptServer();
  const key = join(luma.dataDir, 'luma.key');
  const before = readFileSync(database());
  renameSync(key, `${key}.away`);
  await expect(luma.startServer()).rejects.toThrow(/key file .*luma\.key is missing.*\n.*--key-file/);
  writeFileSync(key, Buffer.alloc(32, 1));
  await expect(luma.startServer()).rejects.toThrow(/holds the key [0-9a-f]+, but/);
  expect(readFileSync(database())).toEqual(before);
  renameSync(`${key}.away`, key);
  await luma.startServer();
  const { json } = await luma.api('GET', '/projects/awake');
  expect(json['env_vars']).toEqual({ TURN: '1' });
  expect(await statusOf('asleep')).toBe(200);
});

it('values of env_vars are in no file, log line or event, and the app has them, also after a change of the key', async () => {
  const secret = 'correct-horse-battery-staple';
  const program = { command: ['sh', '-c', 'test "$TOKEN" || exit 9; exec python3 -m http.server "$PORT"'] };
  await luma.add({ name: 'keeper', env_vars: { TOKEN: secret }, working_dir: '/usr/share', ...program });
  await luma.add({ name: 'broken', env_vars: { TOKEN: secret }, command: ['no-such-program-anywhere'] });
  expect(await statusOf('keeper')).toBe(200);
  expect(await statusOf('broken')).toBe(502);
  expect((await luma.api('PATCH', '/projects/keeper', { env_vars: { TOKEN: `${secret}\0` } })).status).toBe(
    422,
  );
  expect((await luma.api('POST', '/secrets/rotate-key')).status).toBe(200);
  expect((await luma.api('POST', '/projects/keeper/sleep')).status).toBe(200);
  expect(await statusOf('keeper')).toBe(200);
  await luma.interruptServer();
  await luma.startServer();
  expect((await luma.api('POST', '/projects/keeper/sleep')).status).toBe(200);
  expect(await statusOf('keeper')).toBe(200);
  const told = JSON.stringify([await luma.events('keeper'), await luma.events('broken')]);
  expect(told).not.toContain(secret);
  expect(luma.output()).not.toContain(secret);
  const found = Bun.spawnSync(['grep', '-rlR', '--binary-files=text', secret, luma.dataDir]);
  expect(found.stdout.toString()).toBe('');
});
