/** Deploys, pauses and stops as clients and operators see them: a real daemon, real workers. LUMA_TEST_LONG=1 repeats more. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeployRequest } from '../../../src/proxy/client/index.ts';
import { KeptLoad } from './kept-load.ts';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';
import { RequestLoad } from './request-load.ts';

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const DEPLOYS = isLong ? 100 : 30;

let proxy: ProxyFixture;
let apps: readonly [App, App];
beforeEach(() => {
  proxy = new ProxyFixture();
  apps = [new App('one'), new App('two')];
});
afterEach(async () => {
  for (const app of apps) {
    app.finish();
    await app.stop();
  }
  await proxy.dispose();
});

const at = (app: App): string => `127.0.0.1:${app.port}`;

function wanted(app: App, more: Partial<DeployRequest> = {}): DeployRequest {
  return { hosts: ['hello.test'], targets: [at(app)], drain_timeout_ms: 5_000, ...more };
}

async function bodyAt(path = '/', host = 'hello.test'): Promise<[number, string]> {
  const response = await proxy.get(host, path);
  return [response.status, await response.text()];
}

describe('a deploy', () => {
  test(
    `of alternating targets, ${DEPLOYS} times under load, loses and resets nothing`,
    async () => {
      await proxy.start({ workers: 2 });
      await proxy.client.deploy('hello', wanted(apps[0]));
      const load = new RequestLoad(proxy);
      const kept = new KeptLoad({ port: proxy.port, host: 'hello.test' });
      for (let round = 1; round <= DEPLOYS; round++) {
        const app = apps[round % 2]!;
        const old = apps[(round + 1) % 2]!;
        const { replaced, cut, service } = await proxy.client.deploy('hello', wanted(app));
        expect([replaced, cut]).toEqual([[at(old)], 0]);
        expect(service.targets).toMatchObject([{ address: at(app), state: 'ready' }]);
        const before = old.requests;
        await Bun.sleep(20);
        // It returned, so nobody is sent to the old one any more.
        expect(old.requests).toBe(before);
      }
      const [fresh, reused] = await Promise.all([load.stop(), kept.stop()]);
      expect([...fresh.failures, ...reused.failures]).toEqual([]);
      expect(fresh.answered).toBeGreaterThan(DEPLOYS);
      expect(reused.answered).toBeGreaterThan(DEPLOYS);
    },
    isLong ? 120_000 : 60_000,
  );

  test('is true on every worker when it returns', async () => {
    await proxy.start({ workers: 4 });
    for (let round = 0; round < 10; round++) {
      const host = `h${round}.test`;
      await proxy.client.deploy(`s${round}`, wanted(apps[0], { hosts: [host] }));
      const answers = await Promise.all(Array.from({ length: 16 }, () => proxy.get(host)));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 200));
    }
  });

  test('waits for the requests at the old target, and cuts those that outstay the drain timeout', async () => {
    await proxy.start({ workers: 2 });
    await proxy.client.deploy('hello', wanted(apps[0]));
    const first = proxy.get('hello.test', '/slow');
    await until('asked', () => apps[0].requests === 1);
    let isDone = false;
    const patient = proxy.client.deploy('hello', wanted(apps[1])).then((deployed) => {
      isDone = true;
      return deployed;
    });
    await until('switched', async () => (await bodyAt())[1] === 'two');
    expect(isDone).toBe(false);
    apps[0].finish();
    expect(await (await first).text()).toBe('one');
    expect((await patient).cut).toBe(0);

    const second = proxy.get('hello.test', '/slow');
    await until('asked again', () => apps[1].requests > 1);
    const hurried = await proxy.client.deploy('hello', wanted(apps[0], { drain_timeout_ms: 100 }));
    expect(hurried).toMatchObject({ cut: 1, replaced: [at(apps[1])] });
    const cut = await second;
    expect([cut.status, cut.headers.get('x-luma-error')]).toEqual([503, 'target_replaced']);
  });

  test('of an unhealthy target changes nothing and says what it met last', async () => {
    await proxy.start({ workers: 1 });
    await proxy.client.deploy('hello', wanted(apps[0]));
    const before = await proxy.client.getService('hello');
    const ill = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('', { status: 418 }) });
    const address = `127.0.0.1:${ill.port}`;
    const check = { health_check: { path: '/up', interval_ms: 20 }, deploy_timeout_ms: 300 };
    try {
      const deploy = proxy.client.deploy('hello', {
        ...wanted(apps[1]),
        ...check,
        targets: [at(apps[1]), address],
      });
      expect(await deploy.catch((error) => error)).toMatchObject({
        code: 'target_unhealthy',
        details: { target: address, last_status: 418 },
      });
    } finally {
      await ill.stop(true);
    }
    const refused = proxy.client.deploy('hello', {
      ...wanted(apps[1]),
      targets: [address],
      deploy_timeout_ms: 100,
    });
    expect(await refused.catch((error) => error)).toMatchObject({
      code: 'target_unhealthy',
      details: { last_status: null, last_error: 'connection refused' },
    });
    expect(await proxy.client.getService('hello')).toEqual(before);
    expect(await bodyAt()).toEqual([200, 'one']);
  });

  test('waits for a target that becomes healthy, and is not asked to with force', async () => {
    await proxy.start({ workers: 1 });
    let isWell = false;
    const hosts: string[] = [];
    const slow = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => {
        hosts.push(request.headers.get('host') ?? '');
        return new Response('slow', { status: isWell ? 204 : 500 });
      },
    });
    try {
      const health = { path: '/up', interval_ms: 10, host: 'check.test' };
      const targets = [`127.0.0.1:${slow.port}`];
      const deploy = proxy.client.deploy('hello', { hosts: ['hello.test'], targets, health_check: health });
      await until('checked', () => hosts.length > 2);
      expect((await proxy.get('hello.test')).status).toBe(404);
      isWell = true;
      await deploy;
      expect(hosts[0]).toBe('check.test');
      expect((await proxy.get('hello.test')).status).toBe(204);
      isWell = false;
      await proxy.client.deploy('other', {
        hosts: ['other.test'],
        targets,
        health_check: health,
        force: true,
      });
      expect((await proxy.get('other.test')).status).toBe(500);
    } finally {
      await slow.stop(true);
    }
  });

  test('that is interrupted during its check changes nothing', async () => {
    await proxy.start({ workers: 1 });
    const control = new AbortController();
    const nobody = { hosts: ['hello.test'], targets: ['127.0.0.1:9'], deploy_timeout_ms: 60_000 };
    const deploy = proxy.client.deploy('hello', nobody, control.signal).catch((error) => error);
    await Bun.sleep(100);
    control.abort();
    await deploy;
    expect(await proxy.client.listServices()).toEqual([]);
  });

  test('strips the path prefix it routes by', async () => {
    await proxy.start({ workers: 1 });
    const prefix = { path_prefixes: ['/api'], strip_path_prefix: true };
    const seen: string[] = [];
    const app = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => {
        seen.push(new URL(request.url).pathname);
        return new Response('');
      },
    });
    await proxy.client.deploy('hello', { ...wanted(apps[0]), ...prefix, targets: [`127.0.0.1:${app.port}`] });
    expect((await proxy.get('hello.test', '/api/users')).status).toBe(200);
    expect((await proxy.get('hello.test', '/users')).status).toBe(404);
    expect(seen).toEqual(['/users']);
    await app.stop(true);
  });
});

describe('a pause', () => {
  test('holds everyone until resume, over a deploy and over the death of the daemon', async () => {
    await proxy.start({ workers: 2 });
    await proxy.client.deploy('hello', wanted(apps[0]));
    await proxy.client.pause('hello', { max_pause_ms: 20_000 });
    const before = apps[0].requests;
    const held = Array.from({ length: 8 }, () => proxy.get('hello.test'));
    await until('held', async () => (await proxy.client.getService('hello')).held === 8);
    await proxy.client.deploy('hello', wanted(apps[1]));
    await proxy.signal('SIGKILL');
    await proxy.start({ workers: 2, port: proxy.port });
    expect(await proxy.client.getService('hello')).toMatchObject({
      traffic: 'paused',
      held: 8,
      deployment: { max_pause_ms: 20_000 },
    });
    expect([apps[0].requests, apps[1].requests]).toEqual([before, 0]);
    await proxy.client.resume('hello');
    const answers = await Promise.all(held.map(async (answer) => (await answer).text()));
    expect(answers).toEqual(Array.from({ length: 8 }, () => 'two'));
  });

  test('waits for what runs, and answers who waits too long', async () => {
    await proxy.start({ workers: 1 });
    await proxy.client.deploy('hello', wanted(apps[0]));
    const slow = proxy.get('hello.test', '/slow');
    await until('asked', () => apps[0].requests === 1);
    const early = await proxy.client.pause('hello', { max_pause_ms: 100, drain_timeout_ms: 50 });
    expect(early.in_flight).toBe(1);
    const late = proxy.client.pause('hello', { max_pause_ms: 100 });
    const answer = await proxy.get('hello.test');
    expect([answer.status, answer.headers.get('x-luma-error')]).toEqual([503, 'service_paused']);
    apps[0].finish();
    expect((await slow).status).toBe(200);
    expect((await late).in_flight).toBe(0);
  });
});

describe('a stop', () => {
  test('answers everyone, held requests too, in the words it was given; resume undoes it', async () => {
    await proxy.start({ workers: 2 });
    await proxy.client.deploy('hello', wanted(apps[0]));
    await proxy.client.pause('hello');
    const held = proxy.get('hello.test');
    await until('held', async () => (await proxy.client.getService('hello')).held === 1);
    await proxy.client.stop('hello', { message: 'Back at nine.' });
    for (const answer of [await held, await proxy.get('hello.test')]) {
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain('Back at nine.');
    }
    await proxy.client.resume('hello');
    expect(await bodyAt()).toEqual([200, 'one']);
  });
});

test('remove takes one host, or all with what they route', async () => {
  await proxy.start({ workers: 2 });
  await proxy.client.deploy('hello', wanted(apps[0], { hosts: ['hello.test', 'old.test'] }));
  expect((await proxy.client.removeHost('hello', 'OLD.test')).service?.hosts).toEqual(['hello.test']);
  expect([(await bodyAt())[0], (await bodyAt('/', 'old.test'))[0]]).toEqual([200, 404]);
  const last = await proxy.client.removeHost('hello', 'hello.test').catch((error) => error);
  expect(last).toMatchObject({ code: 'last_host' });
  await proxy.client.remove('hello');
  expect([(await bodyAt())[0], await proxy.client.listServices()]).toEqual([404, []]);
  await proxy.client.deploy('other', wanted(apps[1]));
  expect(await bodyAt()).toEqual([200, 'two']);
});

test('options are taken where a command names none, and outlive the daemon', async () => {
  await proxy.start({ workers: 1 });
  await proxy.client.setOptions({ max_pause_ms: 1_234 });
  await proxy.signal('SIGTERM');
  await proxy.start({ workers: 1, port: proxy.port });
  await proxy.client.deploy('hello', wanted(apps[0]));
  expect((await proxy.client.pause('hello')).deployment).toMatchObject({ max_pause_ms: 1_234 });
  expect(await proxy.client.setOptions({ max_pause_ms: null })).toMatchObject({ max_pause_ms: 30_000 });
});

test('a command meets a daemon that hands over: the next one carries it out', async () => {
  await proxy.start({ workers: 2 });
  await proxy.client.deploy('hello', wanted(apps[0]));
  const load = new RequestLoad(proxy);
  let isOver = false;
  const deploying = (async () => {
    for (let round = 1; !isOver; round++) await proxy.client.deploy('hello', wanted(apps[round % 2]!));
  })();
  const { exited } = await proxy.startAnother({ workers: 2, port: proxy.port });
  expect(await exited).toBe(0);
  isOver = true;
  await deploying;
  expect((await load.stop()).failures).toEqual([]);
}, 30_000);

test('a sleep that was accepted is known to a daemon that starts from nothing but its file', async () => {
  await proxy.start({ workers: 1 });
  const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', apps[0].port)] })]);
  await control.hears('answered hello i1');
  const { ends } = await proxy.client.getService('hello');
  const fence = await control.link.fence('hello', ends);
  if (fence.kind !== 'fenced') throw new Error('the service is quiet');
  expect(await control.link.signalled('hello', fence.token)).toBe('accepted');
  // Both at once, and at once: no timer of theirs fires any more.
  for (const pid of [proxy.pid, ...proxy.workerPids]) process.kill(pid, 'SIGKILL');
  const state = JSON.parse(readFileSync(join(proxy.stateDir, 'state.json'), 'utf8'));
  expect(state.services).toMatchObject([{ owner: 'inst-a', gate: 'signalled' }]);
});
