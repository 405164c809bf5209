/** Revisions, scaling and freezing on local processes: the real server, the real proxy, real apps. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Luma, until } from './luma.ts';

let luma: Luma;
beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process' });
}, 60_000);
afterAll(() => luma.stop(), 60_000);

interface Instance {
  readonly state: string;
  readonly revision: number;
}

async function running(name: string): Promise<readonly Instance[]> {
  const { json } = await luma.api('GET', `/projects/${name}`);
  return (json['instances'] as Instance[]).filter(({ state }) => state === 'running');
}

/** So many requests at once, each followed by the next, until it is told to stop. */
function crowd(name: string, atOnce: number, path: string): { stop(): Promise<readonly number[]> } {
  const statuses: number[] = [];
  let isOver = false;
  const one = async (): Promise<void> => {
    while (!isOver) statuses.push((await luma.get(`${name}.localhost`, path)).status);
  };
  const all = Array.from({ length: atOnce }, one);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(all);
      return statuses;
    },
  };
}

test('as many instances as the load asks for answer it, and go when it is over, without a lost request', async () => {
  await luma.add({ name: 'wide', concurrency: 5, max_instances: 4, idle_timeout: '2s' });
  const load = crowd('wide', 20, '/slow?ms=100');
  await until('four instances', async () => (await running('wide')).length === 4);
  const statuses = await load.stop();
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(statuses.length).toBeGreaterThanOrEqual(20);
  await until('the sleep', async () => (await luma.api('GET', '/projects/wide')).json['status'] === 'idle');
  expect((await luma.get('wide.localhost', '/')).status).toBe(200);
}, 60_000);

test('deploys and rollbacks under load lose no request, and what serves is what the API says', async () => {
  await luma.add({ name: 'turns', idle_timeout: 'never', min_instances: 2, max_instances: 2 });
  await until('two instances', async () => (await running('turns')).length === 2);
  const load = crowd('turns', 6, '/slow?ms=20');
  for (let turn = 1; turn <= 3; turn++) {
    const { json } = await luma.api('PATCH', '/projects/turns', { env_vars: { TURN: String(turn) } });
    await until('the new revision', async () => {
      const there = await running('turns');
      return there.length === 2 && there.every(({ revision }) => revision === json['revision']);
    });
  }
  // One that ends at once must change nothing for whoever asks.
  await luma.api('PATCH', '/projects/turns', { env_vars: { EXIT_CODE: '3' } });
  await until(
    'the failure',
    async () => (await luma.api('GET', '/projects/turns')).json['switch_failure'] !== null,
  );
  const back = await luma.api('POST', '/projects/turns/rollback', { revision: 2 });
  expect(back.json).toMatchObject({ revision: 2, switch_failure: null, env_vars: { TURN: '1' } });
  await until('revision 2', async () => (await running('turns')).every(({ revision }) => revision === 2));
  expect(new Set(await load.stop())).toEqual(new Set([200]));
  const { json } = await luma.api('GET', '/projects/turns/revisions');
  const percents = (json['revisions'] as { revision: number; percent: number }[]).map((one) => [
    one.revision,
    one.percent,
  ]);
  expect(percents).toEqual([
    [5, 0],
    [4, 0],
    [3, 0],
    [2, 100],
    [1, 0],
  ]);
}, 90_000);

test('a frozen project answers at once from the same process, and is stopped later', async () => {
  await luma.add({ name: 'cold', freeze_after: '300ms', idle_timeout: '4s' });
  const status = async (): Promise<unknown> => (await luma.api('GET', '/projects/cold')).json['status'];
  const first = await luma.get('cold.localhost', '/');
  await until('the freezing', async () => (await status()) === 'frozen');
  const second = await luma.get('cold.localhost', '/');
  const pidOf = (body: string): string | undefined => body.split(' ')[1];
  expect([second.status, pidOf(second.body)]).toEqual([200, pidOf(first.body)]);
  await until('the sleep', async () => (await status()) === 'idle');
  expect((await luma.get('cold.localhost', '/')).status).toBe(200);
}, 60_000);
