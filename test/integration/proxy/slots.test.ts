/** A target's limit with real workers under load: exact over all of them, and nobody goes without an answer. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ProxyFixture, spec, target, until } from './proxy-fixture.ts';

const WORKERS = 3;
const CLIENTS = 48;
const TURNS = 12;

let proxy: ProxyFixture;
beforeEach(() => {
  proxy = new ProxyFixture();
});
afterEach(() => proxy.dispose());

/** Counts how many requests it has at once. */
class Counting {
  running = 0;
  most = 0;
  requests = 0;
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch: async () => {
      this.requests++;
      this.running++;
      this.most = Math.max(this.most, this.running);
      await Bun.sleep(this.requests % 4);
      this.running--;
      return new Response('done');
    },
  });

  get port(): number {
    return this.#server.port!;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}

test.each([1, 4])(
  'with %d slots a target never has more at once, over all workers, and every request is answered',
  async (targetConcurrency) => {
    const apps = [new Counting(), new Counting()];
    await proxy.start({ workers: WORKERS });
    const targets = apps.map(({ port }, index) => target(`instance-${index}`, port));
    const link = proxy.link('inst-a', 1, [spec('app', { targets, targetConcurrency })]);
    await link.hears('answered app instance-0');
    await link.hears('answered app instance-1');
    const statuses = new Map<number, number>();
    const client = async (): Promise<void> => {
      for (let turn = 0; turn < TURNS; turn++) {
        const { status } = await proxy.get('app.test');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    expect([...statuses]).toEqual([[200, CLIENTS * TURNS]]);
    expect(apps.map(({ most }) => most)).toEqual([targetConcurrency, targetConcurrency]);
    await until('all counts to be back at nothing', () => link.activity.get('app')?.inFlight === 0);
    expect(link.activity.get('app')).toMatchObject({ inFlight: 0, held: 0, ends: CLIENTS * TURNS });
    for (const app of apps) await app.stop();
  },
  30_000,
);

test('the slots of a worker that is killed are free again', async () => {
  const app = new Counting();
  await proxy.start({ workers: 1 });
  const limited = { targets: [target('instance-0', app.port)], targetConcurrency: 1 };
  const link = proxy.link('inst-a', 1, [spec('app', limited)]);
  await link.hears('answered app instance-0');
  const [pid] = proxy.workerPids;
  const lost = Array.from({ length: 20 }, () =>
    proxy.get('app.test').then(
      () => null,
      () => null,
    ),
  );
  await until('a request to run', () => app.requests > 0);
  process.kill(pid!, 'SIGKILL');
  await Promise.all(lost);
  expect((await proxy.get('app.test')).status).toBe(200);
  expect(app.most).toBeLessThanOrEqual(2);
  await app.stop();
}, 30_000);
