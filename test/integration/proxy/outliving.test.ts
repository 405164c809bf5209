import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';
import { RequestLoad } from './request-load.ts';

let proxy: ProxyFixture;
let app: App;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('one');
});
afterEach(async () => {
  app.finish();
  await app.stop();
  await proxy.dispose();
});

async function serveHello(workers: number): Promise<void> {
  await proxy.start({ workers });
  const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
  await control.hears('answered hello i1');
}

describe('a worker that is killed', () => {
  test('is replaced, and what it had in flight is not counted for ever', async () => {
    await serveHello(2);
    const slow = Array.from({ length: 8 }, () => proxy.get('hello.test', '/slow').catch(() => null));
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 8);
    const before = (await proxy.client.status()).workers;
    process.kill(before[0]!.pid, 'SIGKILL');
    await until('replaced', async () => {
      const { workers } = await proxy.client.status();
      return (
        workers.length === 2 &&
        workers.every(({ pid, state }) => pid !== before[0]!.pid && state === 'serving')
      );
    });
    app.finish();
    const answered = (await Promise.all(slow)).filter((answer) => answer?.status === 200).length;
    await until('quiet', async () => {
      app.finish();
      return (await proxy.client.getService('hello')).in_flight === 0;
    });
    const status = await proxy.client.status();
    expect(status.worker_restarts).toBe(1);
    expect(status.services[0]).toMatchObject({ in_flight: 0, held: 0, ends: 8 });
    expect(answered).toBeLessThanOrEqual(8);
    expect((await proxy.get('hello.test')).status).toBe(200);
  });

  test('takes only its own requests with it when requests are held', async () => {
    await proxy.start({ workers: 2 });
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = Array.from({ length: 12 }, () => proxy.get('hello.test').catch(() => null));
    await until('held', async () => (await proxy.client.getService('hello')).held === 12);
    const { workers } = await proxy.client.status();
    process.kill(workers[0]!.pid, 'SIGKILL');
    await until('counted again', async () => {
      const { services, workers: now } = await proxy.client.status();
      return now.every(({ pid }) => pid !== workers[0]!.pid) && services[0]!.held < 13;
    });
    await control.link.publish(spec('hello', { targets: [target('i1', app.port)] }));
    const statuses = (await Promise.all(held)).map((answer) => answer?.status ?? 'cut');
    expect(statuses.filter((status) => status !== 200 && status !== 'cut')).toEqual([]);
    await until('none held', async () => (await proxy.client.getService('hello')).held === 0);
  });
});

describe('workers that are restarted', () => {
  test('one by one lose and reset nothing under load', async () => {
    await serveHello(2);
    const requests = new RequestLoad(proxy);
    const before = (await proxy.client.status()).workers.map(({ pid }) => pid);
    await proxy.client.restartWorkers();
    await until('the old ones to end', async () => {
      const { workers } = await proxy.client.status();
      return workers.length === 2 && workers.every(({ pid }) => !before.includes(pid));
    });
    const { answered, failures } = await requests.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(10);
  });

  test('by a signal to one of them are replaced, and a running exchange ends well', async () => {
    await serveHello(1);
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    const [old] = (await proxy.client.status()).workers;
    process.kill(old!.pid, 'SIGTERM');
    await until('another', async () => {
      const { workers } = await proxy.client.status();
      return workers.some(({ pid, state }) => pid !== old!.pid && state === 'serving');
    });
    expect((await proxy.get('hello.test')).status).toBe(200);
    app.finish();
    expect((await slow).status).toBe(200);
    await until('the old one to end', async () => (await proxy.client.status()).workers.length === 1);
  });
});

describe('a daemon that is killed', () => {
  test('leaves its workers serving, and the next one takes over from them without losing a request', async () => {
    await serveHello(2);
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    const requests = new RequestLoad(proxy);
    const orphans = proxy.workerPids;
    await proxy.signal('SIGKILL');
    expect((await proxy.get('hello.test')).status).toBe(200);
    await proxy.start({ workers: 2, port: proxy.port });
    const status = await proxy.client.status();
    expect(status.services[0]).toMatchObject({ name: 'hello', gate: 'open', owner: 'inst-a' });
    expect(status.services[0]!.in_flight).toBeGreaterThan(0);
    app.finish();
    expect((await slow).status).toBe(200);
    await until('the orphans to end', () => !proxy.workerPids.some((pid) => orphans.includes(pid)));
    const { answered, failures } = await requests.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(10);
    await until('quiet', async () => (await proxy.client.getService('hello')).in_flight === 0);
  });

  test('takes nothing from requests that are held: the next one raises their wake again', async () => {
    await proxy.start({ workers: 1 });
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = proxy.get('hello.test');
    await control.hears('wake hello');
    const wakes = control.count('wake hello');
    await proxy.signal('SIGKILL');
    await control.hears('disconnected');
    await proxy.start({ workers: 1, port: proxy.port });
    await until('the wake again', () => control.count('wake hello') > wakes);
    await control.link.publish(spec('hello', { targets: [target('i1', app.port)] }));
    expect((await held).status).toBe(200);
  });

  test('together with one of its workers leaves no count of that worker behind', async () => {
    await serveHello(2);
    const slow = Array.from({ length: 8 }, () => proxy.get('hello.test', '/slow').catch(() => null));
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 8);
    const [victim] = proxy.workerPids;
    await proxy.signal('SIGKILL');
    process.kill(victim!, 'SIGKILL');
    await proxy.start({ workers: 1, port: proxy.port });
    app.finish();
    await Promise.all(slow);
    await until('quiet', async () => {
      app.finish();
      return (await proxy.client.getService('hello')).in_flight === 0;
    });
    expect((await proxy.client.getService('hello')).ends).toBe(8);
  });

  test('whose newest worker has no table yet is followed by one that gets its ports', async () => {
    await serveHello(1);
    const [first = 0] = proxy.workerPids;
    process.kill(first, 'SIGKILL');
    await until('a worker in its place', () => proxy.workerPids.some((pid) => pid !== first));
    const [second = 0] = proxy.workerPids.filter((pid) => pid !== first);
    await proxy.signal('SIGKILL');
    await proxy.start({ workers: 1, port: proxy.port });
    await until('published again', async () => (await proxy.get('hello.test')).status === 200);
    expect(proxy.workerPids).not.toContain(second);
  });

  test('leaves one that is suspended to come back later, on a column of its own', async () => {
    await serveHello(2);
    const [sleeper] = proxy.workerPids;
    process.kill(sleeper!, 'SIGSTOP');
    await proxy.signal('SIGKILL');
    await proxy.start({ workers: 2, port: proxy.port });
    process.kill(sleeper!, 'SIGCONT');
    await until('it to end', () => !proxy.workerPids.includes(sleeper!));
    await until('two workers', async () => (await proxy.client.status()).workers.length === 2);
    expect((await proxy.get('hello.test')).status).toBe(200);
    expect((await proxy.client.getService('hello')).in_flight).toBe(0);
  }, 15_000);

  test('is followed by one that knows the directory by another name', async () => {
    await serveHello(1);
    const orphans = proxy.workerPids;
    await proxy.signal('SIGKILL');
    const otherName = join(proxy.dir, 'other-name');
    symlinkSync(proxy.stateDir, otherName);
    await proxy.start({ workers: 1, port: proxy.port, more: ['--state-dir', otherName] });
    expect((await proxy.get('hello.test')).status).toBe(200);
    await until('the orphans to end', () => !proxy.workerPids.some((pid) => orphans.includes(pid)));
  });

  test('whose directory goes away leaves no worker behind', async () => {
    await serveHello(1);
    const [worker] = proxy.workerPids;
    expect(worker).toBeGreaterThan(0);
    await proxy.signal('SIGKILL');
    rmSync(proxy.stateDir, { recursive: true });
    await until('the worker to leave', () => proxy.workerPids.length === 0);
  });
});

describe('a daemon that is told to stop', () => {
  test.each([0, 1])(
    'with %d workers lets what runs finish, refuses what is new, and leaves nothing',
    async (workers) => {
      await serveHello(workers);
      const slow = proxy.get('hello.test', '/slow');
      await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
      const ended = proxy.signal('SIGTERM');
      await until('refused', () =>
        proxy.get('hello.test').then(
          () => false,
          () => true,
        ),
      );
      app.finish();
      expect((await slow).status).toBe(200);
      expect(await ended).toBe(0);
      expect(proxy.workerPids).toEqual([]);
    },
  );

  test('cuts what runs longer than it may', async () => {
    await proxy.start({ workers: 1, more: ['--shutdown-timeout', '200ms'] });
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
    await control.hears('answered hello i1');
    const slow = proxy.get('hello.test', '/slow').then(
      ({ status }) => status,
      () => 'cut',
    );
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    expect(await proxy.signal('SIGTERM')).toBe(0);
    expect(await slow).not.toBe(200);
  });

  test('a second time ends at once', async () => {
    await serveHello(1);
    const slow = proxy.get('hello.test', '/slow').catch(() => null);
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    const ended = proxy.signal('SIGTERM');
    await until('it stops', () => proxy.said.includes('stopping'));
    // A signal that comes twice within 100 ms is one: a terminal's and its shell's.
    await Bun.sleep(200);
    await proxy.signal('SIGTERM');
    expect(await ended).toBe(130);
    await until('no worker', () => proxy.workerPids.length === 0);
    await slow;
  });
});
