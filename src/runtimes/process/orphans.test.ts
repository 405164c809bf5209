import { afterAll, afterEach, expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { findLeader, findNewborn, findStrays, killStray } from './orphans.ts';
import { environmentOf, identify } from './process-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-orphans-'));
const outputPath = join(folder, 'stdout.log');
const mark = { installationId: 'orphaned', instanceId: 'i-orphan' };
const env = {
  LUMA_INSTALLATION_ID: 'orphaned',
  LUMA_INSTANCE_ID: 'i-orphan',
  LUMA_SERVICE: 'shop',
  LUMA_REVISION: 'shop-2-00012',
  PORT: '20123',
};
const spawned: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of spawned.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function sleeper(how: {
  env?: Record<string, string>;
  detached?: boolean;
  flags?: string;
}): Promise<number> {
  const fd = openSync(how.flags ? outputPath : '/dev/null', how.flags ?? 'a');
  const environment = { PATH: '/bin', ...how.env };
  const child = Bun.spawn({
    cmd: ['/bin/sleep', '60'],
    env: environment,
    stdio: ['ignore', fd, 'ignore'],
    detached: how.detached ?? true,
  });
  closeSync(fd);
  spawned.push(child);
  while (environmentOf(child.pid)?.size === 0) await Bun.sleep(1);
  return child.pid;
}

test('the first process of an instance is found by its mark', async () => {
  await sleeper({ env: { ...env, LUMA_INSTANCE_ID: 'i-other' } });
  await sleeper({ env, detached: false });
  expect(findLeader(mark)).toBeNull();
  const pid = await sleeper({ env });
  expect(findLeader(mark)).toEqual(identify(pid));
});

test('a newborn without any mark is found by the output that it appends to', async () => {
  expect(findNewborn(outputPath)).toBeNull();
  const pid = await sleeper({ flags: 'a' });
  expect(findNewborn(outputPath)).toEqual(identify(pid));
  symlinkSync(folder, join(folder, 'link'));
  expect(findNewborn(join(folder, 'link', 'stdout.log'))).toEqual(identify(pid));
});

test('who only reads the output, or wrote it whole, is somebody else', async () => {
  await sleeper({ flags: 'w' });
  await sleeper({ flags: 'r' });
  const own = openSync(outputPath, 'a');
  expect(findNewborn(outputPath)).toBeNull();
  closeSync(own);
});

test('an instance that nothing on disk knows tells by its environment what it is', async () => {
  await sleeper({ env });
  await sleeper({ env: { ...env, LUMA_INSTALLATION_ID: 'elsewhere', LUMA_INSTANCE_ID: 'i-foreign' } });
  expect(findStrays('orphaned', () => false)).toEqual([
    {
      instanceId: 'i-orphan',
      project: 'shop',
      revision: 12,
      state: 'running',
      address: { host: '127.0.0.1', port: 20123, readiness: 'connect' },
    },
  ]);
  expect(findStrays('orphaned', (instanceId) => instanceId === 'i-orphan')).toEqual([]);
});

test('a stray is ended whole; what is not there needs no end', async () => {
  await sleeper({ env });
  await killStray(mark, systemClock);
  expect(findLeader(mark)).toBeNull();
  await killStray(mark, systemClock);
});
