/** A traffic split and a tag on a real Docker Engine. */
import { expect, test } from 'bun:test';
import { withEngine } from '../engine/engine.ts';
import { Luma } from './luma.ts';
import { answeredBy, bothAreHeard, count, deploy, split, untilAsleep } from './traffic.ts';

test('containers of two revisions share the requests, sleep, and are woken by share and by tag', async () => {
  const engine = await withEngine();
  const luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: engine.dockerHost } });
  try {
    await luma.add({ name: 'app', idle_timeout: '2s' });
    expect(await answeredBy(luma, 'app.localhost')).toBe(1);
    await deploy(luma, 'app', { env_vars: { TURN: '2' } }, '?no_traffic=true&tag=next');
    expect(await answeredBy(luma, 'next---app.localhost')).toBe(2);
    await split(luma, 'app', [
      { revision: 1, percent: 50 },
      { revision: 2, percent: 50, tag: 'next' },
    ]);
    for (let round = 0; round < 2; round++) {
      const counts = await count(luma, 'app.localhost', 60);
      expect((counts.get(1) ?? 0) + (counts.get(2) ?? 0)).toBe(60);
      expect(Math.min(counts.get(1) ?? 0, counts.get(2) ?? 0)).toBeGreaterThan(10);
      if (round === 0) await bothAreHeard(luma, 'app');
      await untilAsleep(luma, 'app');
    }
    expect(await answeredBy(luma, 'next---app.localhost')).toBe(2);
  } finally {
    await luma.stop();
    await engine.stop();
  }
}, 120_000);
