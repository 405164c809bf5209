/** Processes that hang instead of ending: suspended, as a debugger, a frozen cgroup or a dead disk leaves them. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';

const limitMs = 60_000;
let proxy: ProxyFixture;
let app: App;
const suspended = new Set<number>();
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('one');
});
afterEach(async () => {
  for (const pid of suspended) tell(pid, 'SIGCONT');
  suspended.clear();
  app.finish();
  await app.stop();
  await proxy.dispose();
});

function tell(pid: number, signal: NodeJS.Signals): void {
  if (signal === 'SIGSTOP') suspended.add(pid);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Beyond the fixture's own patience: silence takes ten seconds to mean something. */
async function untilLate(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    const inTime = await until(what, isTrue).then(
      () => true,
      () => false,
    );
    if (inTime) return;
  }
  throw new Error(`waited in vain: ${what}`);
}

test(
  'a worker that hangs is ended and replaced; the other serves all along, and nothing counts for ever',
  async () => {
    await proxy.start({ workers: 2 });
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
    await control.hears('answered hello i1');
    const slow = Array.from({ length: 8 }, () => proxy.get('hello.test', '/slow').catch(() => null));
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 8);
    const [hung] = (await proxy.client.status()).workers;
    tell(hung!.pid, 'SIGSTOP');
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await proxy.get('hello.test')).status),
    );
    expect(answers).toEqual(Array(20).fill(200));
    await untilLate('it to be replaced', async () => {
      const { workers } = await proxy.client.status();
      return (
        workers.length === 2 && workers.every(({ pid, state }) => pid !== hung!.pid && state === 'serving')
      );
    });
    expect(proxy.said).toContain('a worker hangs and is ended');
    app.finish();
    await Promise.all(slow);
    await until('quiet', async () => (await proxy.client.getService('hello')).in_flight === 0);
    expect(await proxy.client.getService('hello')).toMatchObject({ in_flight: 0, held: 0, ends: 28 });
    expect((await proxy.client.status()).worker_restarts).toBe(1);
  },
  limitMs,
);

test(
  'a daemon that hangs: workers serve on, wakes wait for it, and afterwards no worker is taken for hanging',
  async () => {
    await proxy.start({ workers: 2 });
    const control = proxy.link('inst-a', 1, [
      spec('awake', { targets: [target('i1', app.port)] }),
      spec('asleep', { holdTimeoutMs: 30_000 }),
    ]);
    await control.hears('answered awake i1');
    control.onWakeDo = () => {
      void control.link.publish(spec('asleep', { targets: [target('i2', app.port)] }));
    };
    const before = (await proxy.client.status()).workers.map(({ pid }) => pid);
    tell(proxy.pid, 'SIGSTOP');
    const held = proxy.get('asleep.test');
    const endMs = performance.now() + 12_000;
    while (performance.now() < endMs) {
      expect((await proxy.get('awake.test')).status).toBe(200);
      await Bun.sleep(100);
    }
    expect(control.count('wake asleep')).toBe(0);
    tell(proxy.pid, 'SIGCONT');
    expect((await held).status).toBe(200);
    // Whoever would be taken for hanging would be by then.
    const lookMs = performance.now() + 3_000;
    while (performance.now() < lookMs) {
      expect((await proxy.get('awake.test')).status).toBe(200);
      await Bun.sleep(100);
    }
    const { workers, worker_restarts } = await proxy.client.status();
    expect(workers.map(({ pid }) => pid)).toEqual(before);
    expect(worker_restarts).toBe(0);
  },
  limitMs,
);

test(
  'a control plane that hangs: awake services serve on, a held request is answered in time, and it goes on afterwards',
  async () => {
    await proxy.start({ workers: 1 });
    const service = { name: 'asleep', hold: 1_500, port: app.port };
    const child = Bun.spawn(
      [
        process.execPath,
        `${import.meta.dir}/hanging-control.fixture.ts`,
        proxy.socketPath,
        JSON.stringify(service),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      const reader = child.stdout.getReader();
      await reader.read();
      tell(child.pid, 'SIGSTOP');
      expect((await proxy.get('awake.test')).status).toBe(200);
      const late = await proxy.get('asleep.test');
      expect([late.status, Number(late.headers.get('retry-after')) > 0]).toEqual([503, true]);
      expect((await proxy.get('awake.test')).status).toBe(200);
      tell(child.pid, 'SIGCONT');
      expect((await proxy.get('asleep.test')).status).toBe(200);
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  },
  limitMs,
);
