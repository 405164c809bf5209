/** What is under way when the database goes, and a database whose disk goes: real processes, real SQLite, real mounts. */
import { Database } from 'bun:sqlite';
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Luma, until } from './luma.ts';
import { DyingDisk, StoreDisk } from './store-disk.ts';

const limitMs = 120_000;
const canMount = StoreDisk.isPossible();
const canDie = DyingDisk.isPossible();
const disk = new StoreDisk();
let luma: Luma;

beforeAll(async () => {
  const own = { prepare: (dataDir: string) => disk.mountAt(dataDir), cleanUp: () => disk.unmount() };
  luma = await Luma.start({ runtime: 'process', apart: true, ...(canMount ? own : {}) });
}, limitMs);
afterEach(async () => {
  for (const { name } of await luma.projects()) await luma.api('DELETE', `/projects/${name}`);
}, limitMs);
afterAll(async () => {
  await luma?.stop();
}, limitMs);

interface Seen {
  readonly switch_failure: unknown;
  readonly instances: readonly { readonly state: string; readonly revision: number }[];
}

const project = async (name: string): Promise<Seen> =>
  (await luma.api('GET', `/projects/${name}`)).json as unknown as Seen;
const turnOf = async (name: string): Promise<unknown> =>
  JSON.parse((await luma.get(`${name}.localhost`, '/env')).body)['TURN'];
const instancesOf = async (name: string): Promise<string[]> =>
  (await project(name)).instances.map(({ revision, state }) => `${revision} ${state}`).toSorted();
const kindsOf = async (name: string): Promise<string[]> => (await luma.events(name)).map(({ kind }) => kind);
const isBehind = async (of: Luma): Promise<boolean> =>
  (await of.api('GET', '/healthz')).json['store'] === 'behind';

/** Another program holds the lock. */
function lock(): { release(): void } {
  const other = new Database(join(luma.dataDir, 'luma.db'));
  other.run('pragma busy_timeout = 5000');
  other.run('begin immediate');
  return {
    release: () => {
      other.run('rollback');
      other.close(true);
    },
  };
}

test(
  'a deploy under way when the database is locked waits: the old revision serves, and the new one afterwards',
  async () => {
    const pair = { min_instances: 2, max_instances: 2, idle_timeout: 'never' };
    await luma.add({ name: 'pair', ...pair, env_vars: { TURN: '1' } });
    await until('two instances', async () => (await instancesOf('pair')).join() === '1 running,1 running');
    const deployed = await luma.api('PATCH', '/projects/pair', { env_vars: { TURN: '2', BOOT_MS: '1000' } });
    expect(deployed.status).toBe(200);
    const locked = lock();
    try {
      // Its first instance was made before; the second is to be made now.
      const waits = '1 running,1 running,2 preparing,2 running';
      await until(
        'the wait',
        async () => (await isBehind(luma)) && (await instancesOf('pair')).join() === waits,
      );
      for (let turn = 0; turn < 20; turn++) expect(await turnOf('pair')).toBe('1');
      expect((await project('pair')).switch_failure).toBeNull();
      const refused = await luma.api('PATCH', '/projects/pair', { env_vars: { TURN: '3' } });
      expect([refused.status, refused.json['code']]).toEqual([503, 'store_busy']);
      expect(refused.headers.get('retry-after')).toBe('1');
    } finally {
      locked.release();
    }
    await until('the switch', async () => (await instancesOf('pair')).join() === '2 running,2 running');
    expect(await turnOf('pair')).toBe('2');
    await until('the events', async () => !(await isBehind(luma)));
    const kinds = await kindsOf('pair');
    expect(kinds).toContain('switched');
    for (const kind of ['switch_failed', 'scale_failed', 'prepare_failed']) expect(kinds).not.toContain(kind);
  },
  limitMs,
);

test(
  'a load that asks for more instances while the database is locked is answered by those there are, and gets them afterwards',
  async () => {
    await luma.add({ name: 'wide', concurrency: 2, max_instances: 3, idle_timeout: 'never' });
    expect((await luma.get('wide.localhost')).status).toBe(200);
    const locked = lock();
    const statuses: number[] = [];
    let isOver = false;
    const one = async (): Promise<void> => {
      while (!isOver) statuses.push((await luma.get('wide.localhost', '/slow?ms=50')).status);
    };
    const crowd = Promise.all(Array.from({ length: 8 }, one));
    try {
      await until('the wait', async () => (await instancesOf('wide')).includes('1 preparing'));
      await until('the health', () => isBehind(luma));
      // Longer than any of its tries.
      await until('the load', async () => statuses.length >= 160);
      expect((await instancesOf('wide')).filter((each) => each === '1 running')).toHaveLength(1);
    } finally {
      locked.release();
    }
    await until('three', async () => (await instancesOf('wide')).join() === '1 running,1 running,1 running');
    isOver = true;
    await crowd;
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await kindsOf('wide')).not.toContain('scale_failed');
  },
  limitMs,
);

test.skipIf(!canMount)(
  'a folder that is unmounted for a while: awake projects serve, changes are refused, all goes on when it is back',
  async () => {
    await luma.add({ name: 'awake', idle_timeout: 'never', env_vars: { TURN: '1' } });
    expect(await turnOf('awake')).toBe('1');
    const change = { env_vars: { TURN: '2' } };
    disk.takeAway();
    try {
      expect(await turnOf('awake')).toBe('1');
      const refused = await luma.api('PATCH', '/projects/awake', change);
      expect([refused.status, refused.json['code']]).toEqual([503, 'store_unavailable']);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(String(refused.json['detail'])).toContain('was moved or removed');
      expect(await turnOf('awake')).toBe('1');
    } finally {
      disk.bringBack();
    }
    expect((await luma.api('PATCH', '/projects/awake', change)).status).toBe(200);
    await until('the switch', async () => (await turnOf('awake')) === '2');
  },
  limitMs,
);

test.skipIf(!canDie)(
  'a disk that turns read-only: all that serves, sleeps and wakes goes on; the next start says why it does not, and after a repair all is there',
  async () => {
    const dying = new DyingDisk();
    const own = await Luma.start({
      runtime: 'process',
      apart: true,
      prepare: (dataDir) => dying.mountAt(dataDir),
      cleanUp: () => dying.unmount(),
    });
    try {
      await own.add({ name: 'app', idle_timeout: 'never', env_vars: { TURN: '1' } });
      expect((await own.get('app.localhost')).status).toBe(200);
      dying.die();
      for (let turn = 0; turn < 2; turn++) {
        expect((await own.api('POST', '/projects/app/sleep')).status).toBe(200);
        expect((await own.get('app.localhost')).status).toBe(200);
      }
      const refused = await own.api('PATCH', '/projects/app', { env_vars: { TURN: '2' } });
      expect([refused.status, refused.json['code']]).toEqual([503, 'store_unavailable']);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect((await own.get('app.localhost')).status).toBe(200);
      expect(await isBehind(own)).toBe(true);
      await own.interruptServer();
      await own.interruptProxy();
      dying.umount();
      dying.mount('ro');
      await expect(own.startServer()).rejects.toThrow(/data directory .* cannot be used: .*EROFS/);
      dying.umount();
      dying.repair();
      dying.mount('rw');
      await own.startProxy();
      await own.startServer();
      const { json } = await own.api('GET', '/projects/app');
      expect(json['env_vars']).toEqual({ TURN: '1' });
      expect((await own.get('app.localhost')).status).toBe(200);
      expect((await own.api('PATCH', '/projects/app', { env_vars: { TURN: '2' } })).status).toBe(200);
    } finally {
      await own.stop();
    }
  },
  limitMs,
);
