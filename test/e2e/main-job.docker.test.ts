/** The main job on a real Docker Engine. */
import { expect, test } from 'bun:test';
import Docker from 'dockerode';
import { type TestEngine, withEngine } from '../engine/engine.ts';
import { Luma, until } from './luma.ts';
import { describeMainJob } from './main-job.ts';

const isLong = Bun.env['LUMA_TEST_LONG'] === '1';
let engine: TestEngine | null = null;

async function theEngine(): Promise<TestEngine> {
  engine ??= await withEngine();
  return engine;
}

test('luma up leaves no container of its own running, and its projects wake again with the next one', async () => {
  const { dockerHost } = await theEngine();
  const docker = new Docker({ socketPath: dockerHost.replace('unix://', '') });
  const luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: dockerHost } });
  const running = () => docker.listContainers({ filters: { label: ['luma.installation'] } });
  try {
    await luma.add({ name: 'shop', idle_timeout: 'never' });
    expect((await luma.get('shop.localhost')).status).toBe(200);
    // Its own, and its sandbox.
    expect((await running()).length).toBeGreaterThanOrEqual(2);
    expect(await luma.interruptServer()).toBe(0);
    await until('sandboxes to end', async () => (await running()).length === 0);
    await luma.startServer();
    expect((await luma.get('shop.localhost')).status).toBe(200);
  } finally {
    await luma.stop();
  }
}, 120_000);

describeMainJob('a real Docker Engine', {
  options: async () => ({ runtime: 'docker', env: { DOCKER_HOST: (await theEngine()).dockerHost } }),
  sleeps: isLong ? 300 : 30,
  sleepsWithKills: isLong ? 100 : 12,
  idleTimeout: '300ms',
  idleMs: 300,
  lanes: 3,
  streamMs: 10_000,
  async leftovers() {
    const socketPath = (await theEngine()).dockerHost.replace('unix://', '');
    const filters = { label: ['luma.installation'] };
    const containers = await new Docker({ socketPath }).listContainers({ all: true, filters });
    return containers.map(({ Names }) => Names.join(' '));
  },
  async cleanUp() {
    await engine?.stop();
  },
});
