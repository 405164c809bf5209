/** Scaling, freezing and going back to a pinned image on a real Docker Engine. */
import { expect, test } from 'bun:test';
import { withEngine } from '../engine/engine.ts';
import { Luma, until } from './luma.ts';

interface Instance {
  readonly state: string;
  readonly revision: number;
}

test('containers scale with the load, freeze, and go back to an earlier revision with its pinned image', async () => {
  const engine = await withEngine();
  const { dockerHost } = engine;
  const luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: dockerHost } });
  const running = async (name: string): Promise<readonly Instance[]> => {
    const { json } = await luma.api('GET', `/projects/${name}`);
    return (json['instances'] as Instance[]).filter(({ state }) => state === 'running');
  };
  try {
    await luma.add({ name: 'wide', concurrency: 5, max_instances: 3, idle_timeout: '2s' });
    const statuses: number[] = [];
    let isOver = false;
    const crowd = Array.from({ length: 15 }, async () => {
      while (!isOver) statuses.push((await luma.get('wide.localhost', '/slow?ms=100')).status);
    });
    await until('three containers', async () => (await running('wide')).length === 3);
    isOver = true;
    await Promise.all(crowd);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await luma.untilStatus('wide', 'idle');

    await luma.add({ name: 'cold', freeze_after: '300ms', idle_timeout: '6s' });
    await luma.get('cold.localhost', '/');
    await luma.untilStatus('cold', 'frozen');
    expect((await luma.get('cold.localhost', '/')).status).toBe(200);

    await luma.api('PATCH', '/projects/cold', { env_vars: { TURN: '2' } });
    await until('revision 2', async () => (await running('cold')).some(({ revision }) => revision === 2));
    await luma.api('POST', '/projects/cold/rollback', {});
    await until('revision 1', async () => (await running('cold')).some(({ revision }) => revision === 1));
    const { json } = await luma.api('GET', '/projects/cold/revisions');
    const pins = (json['revisions'] as { pinned_image: string | null }[]).map((one) => one.pinned_image);
    expect(pins).toEqual([expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)]);
  } finally {
    await luma.stop();
    await engine.stop();
  }
}, 120_000);
