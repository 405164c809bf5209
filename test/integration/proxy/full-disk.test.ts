/** The disk of the proxy's state is full: what serves serves on, and nothing is promised that is not on disk. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fillDisk, StoreDisk } from '../../e2e/store-disk.ts';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';

const canMount = StoreDisk.isPossible();
let proxy: ProxyFixture;
let app: App;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('one');
  mkdirSync(proxy.stateDir, { mode: 0o700 });
  if (canMount) Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=1m,mode=700', 'none', proxy.stateDir]);
});
afterEach(async () => {
  await app.stop();
  await proxy.signal('SIGKILL');
  for (const pid of proxy.workerPids) process.kill(pid, 'SIGKILL');
  if (canMount) Bun.spawnSync(['umount', '-l', proxy.stateDir]);
  await proxy.dispose();
});

test.skipIf(!canMount)(
  'a full disk: awake services serve, no sleep is begun, a command says why, and all works when there is room',
  async () => {
    await proxy.start({ workers: 1 });
    const awake = spec('awake', { targets: [target('i1', app.port)] });
    const { link } = proxy.link('inst-a', 1, [awake]);
    await until('it to serve', async () => (await proxy.get('awake.test')).status === 200);
    const ballast = join(proxy.stateDir, 'ballast');
    fillDisk(ballast);
    const { ends } = await proxy.client.getService('awake');
    const fenced = await link.fence('awake', ends);
    if (fenced.kind !== 'fenced') throw new Error('it is quiet');
    expect(await link.signalled('awake', fenced.token)).toBe('stale');
    await link.liftFence('awake', fenced.token);
    expect((await proxy.get('awake.test')).status).toBe(200);
    const deploy = ['deploy', 'shop', '--host', 'shop.test', '--target', `127.0.0.1:${app.port}`];
    const refused = await proxy.run(...deploy);
    expect([refused.code === 0, refused.err]).toEqual([false, expect.stringMatching(/ENOSPC|no space/i)]);
    rmSync(ballast);
    const done = await proxy.run(...deploy);
    expect([done.code, done.err]).toEqual([0, '']);
    expect((await proxy.get('shop.test')).status).toBe(200);
    const again = await link.fence('awake', (await proxy.client.getService('awake')).ends);
    expect(again.kind).toBe('fenced');
    if (again.kind === 'fenced') expect(await link.signalled('awake', again.token)).toBe('accepted');
  },
  30_000,
);
