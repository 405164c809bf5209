/** Projects that belong together on a real Docker Engine: order, sleeps, and a server that was killed. */
import { expect, test } from 'bun:test';
import { withEngine } from '../engine/engine.ts';
import { Luma, until } from './luma.ts';

test('containers are started in order, kept together, and sleep one after the other', async () => {
  const engine = await withEngine();
  const luma = await Luma.start({ runtime: 'docker', env: { DOCKER_HOST: engine.dockerHost } });
  const lastAt = async (name: string, kind: string): Promise<number> =>
    Date.parse(String((await luma.events(name, kind)).at(0)?.at));
  try {
    await luma.add({ name: 'db', idle_timeout: '1s' });
    await luma.add({ name: 'web', idle_timeout: '5s', depends_on: [{ project: 'db' }] });
    await until('web to be prepared', async () => (await luma.events('web', 'prepared')).length > 0);
    expect((await luma.get('web.localhost')).status).toBe(200);
    expect(await lastAt('web', 'starting')).toBeGreaterThanOrEqual(await lastAt('db', 'woken'));

    // A server that was killed finds who is awake.
    const { json } = await luma.api('GET', '/projects/db');
    const [instance] = json['instances'] as { id: string }[];
    await luma.killServer();
    await luma.startServer();
    await until('db to be kept again', async () => {
      const now = await luma.api('GET', '/projects/db');
      return (now.json['kept_awake'] as unknown[]).length === 1;
    });
    expect((await luma.api('GET', '/projects/db')).json['instances']).toMatchObject([{ id: instance?.id }]);
    expect(await luma.status('db')).toBe('running');

    await luma.untilStatus('web', 'idle');
    await luma.untilStatus('db', 'idle');
    expect(await lastAt('db', 'slept')).toBeGreaterThan(await lastAt('web', 'slept'));
    expect((await luma.get('web.localhost')).status).toBe(200);
  } finally {
    await luma.stop();
    await engine.stop();
  }
}, 120_000);
