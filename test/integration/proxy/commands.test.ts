import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { App, ProxyFixture, type Said, spec, target } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let app: App;
beforeAll(async () => {
  proxy = new ProxyFixture();
  app = new App('one');
  await proxy.start({ workers: 1 });
  const control = proxy.link('inst-a', 7, [
    spec('hello', { targets: [target('i1', app.port)] }),
    spec('asleep'),
  ]);
  await control.hears('answered hello i1');
});
afterAll(async () => {
  await app.stop();
  await proxy.dispose();
});

const run = (...words: string[]): Promise<Said> => proxy.run(...words);

const here = (): string[] => ['--socket-path', proxy.socketPath];

describe('status', () => {
  test('shows the daemon, its workers and its services to people', async () => {
    const { code, out } = await run('status', ...here());
    expect(code).toBe(0);
    expect(out).toContain(`process ${proxy.pid}, serving`);
    expect(out).toContain(`http://127.0.0.1:${proxy.port}`);
    expect(out).toContain('linked to   inst-a');
    expect(out).toMatch(/WORKER +PID +STATE +TABLE\n1 +\d+ +serving +\d+\n/);
    expect(out).toMatch(new RegExp(`hello +hello\\.test +open +0 +0 +127\\.0\\.0\\.1:${app.port}\n`));
    expect(out).toMatch(/asleep +asleep\.test +closed +0 +0 +-\n/);
  });

  test('shows the same to machines', async () => {
    const { code, out } = await run('status', '--json', ...here());
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      pid: proxy.pid,
      state: 'serving',
      listeners: [{ host: '127.0.0.1', port: proxy.port, tls: false }],
      links: [{ owner: 'inst-a', epoch: 7, ready: true }],
      workers: [{ state: 'serving' }],
      services: [
        { name: 'hello', gate: 'open' },
        { name: 'asleep', gate: 'closed', targets: [] },
      ],
    });
  });
});

describe('failures', () => {
  test('no daemon is exit code 3 and says how to start one', async () => {
    const { code, out, err } = await run('status', '--socket-path', join(proxy.dir, 'nothing.sock'));
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(
      `error: no luma-proxy answers on ${join(proxy.dir, 'nothing.sock')}\n` +
        'hint: start it with: luma-proxy run, or name its socket with --socket-path\n',
    );
  });

  test('wrong use is exit code 2', async () => {
    expect((await run('status', '--colour')).code).toBe(2);
    expect((await run('stauts')).code).toBe(2);
    expect((await run('worker')).code).toBe(2);
  });
});

test('version names the program and the daemon', async () => {
  const { code, out } = await run('version', ...here());
  expect(code).toBe(0);
  expect(out).toMatch(/^luma-proxy \d+\.\d+\.\d+\ndaemon \d+\.\d+\.\d+\n$/);
  const alone = await run('version', '--json', '--socket-path', join(proxy.dir, 'nothing.sock'));
  expect(JSON.parse(alone.out)).toMatchObject({ daemon: null });
});

describe('the management socket answers any HTTP client', () => {
  const ask = async (path: string, method = 'GET'): Promise<[number, unknown]> => {
    const response = await fetch(`http://luma-proxy${path}`, { unix: proxy.socketPath, method });
    return [response.status, await response.json()];
  };

  test.each([
    ['/v1/health', 'GET', 200, { status: 'ok' }],
    ['/v1/services/hello', 'GET', 200, { name: 'hello', owner: 'inst-a' }],
    ['/v1/services/nothing', 'GET', 404, { code: 'service_not_found' }],
    ['/v1/services/%ff', 'GET', 404, { code: 'not_found' }],
    ['/v1/nothing', 'GET', 404, { code: 'not_found' }],
    ['/v1/health', 'DELETE', 405, { code: 'method_not_allowed' }],
    ['/v1/link', 'GET', 404, { code: 'not_found' }],
  ])('%s by %s', async (path, method, status, body) => {
    const [found, said] = await ask(path, method);
    expect(found).toBe(status);
    expect(said).toMatchObject(body);
  });

  test('with all services in a list', async () => {
    expect(await ask('/v1/services')).toMatchObject([200, [{ name: 'hello' }, { name: 'asleep' }]]);
  });
});
