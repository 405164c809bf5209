/** The main job with local processes, as Luma runs where no engine answers. */
import { describeMainJob } from './main-job.ts';

const isLong = Bun.env['LUMA_TEST_LONG'] === '1';

describeMainJob('local processes', {
  options: async () => ({ runtime: 'process' }),
  sleeps: 300,
  sleepsWithKills: isLong ? 300 : 60,
  idleTimeout: '100ms',
  idleMs: 100,
  lanes: 4,
  streamMs: 30_000,
  leftovers: async () => [],
});
