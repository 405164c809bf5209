/** The main job on a real Docker Engine. */
import Docker from 'dockerode';
import { type TestEngine, withEngine } from '../engine/engine.ts';
import { describeMainJob } from './main-job.ts';

const isLong = Bun.env['LUMA_TEST_LONG'] === '1';
let engine: TestEngine | null = null;

async function theEngine(): Promise<TestEngine> {
  engine ??= await withEngine();
  return engine;
}

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
