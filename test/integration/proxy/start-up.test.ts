import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, ProxyFixture, spec, target, until } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let app: App;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = new App('one');
});
afterEach(async () => {
  await app.stop();
  await proxy.dispose();
});

const statePath = (): string => join(proxy.stateDir, 'state.json');

async function serveAndStop(): Promise<void> {
  await proxy.start({ workers: 1 });
  const control = proxy.link('inst-a', 1, [
    spec('hello', { targets: [target('i1', app.port)] }),
    spec('asleep'),
  ]);
  await control.hears('answered hello i1');
  control.link.close();
  expect(await proxy.signal('SIGTERM')).toBe(0);
}

describe('after a restart', () => {
  test('published routes serve again before any control plane is there', async () => {
    await serveAndStop();
    await proxy.start({ workers: 1 });
    expect((await proxy.get('hello.test')).status).toBe(200);
    const services = await proxy.client.listServices();
    expect(services.map(({ name, gate, owner }) => [name, gate, owner])).toEqual([
      ['hello', 'open', 'inst-a'],
      ['asleep', 'closed', 'inst-a'],
    ]);
  });

  test('of the machine they hold requests until the snapshot: no target is where it was', async () => {
    await serveAndStop();
    const saved = JSON.parse(readFileSync(statePath(), 'utf8'));
    writeFileSync(statePath(), JSON.stringify({ ...saved, bootId: 'another-boot' }));
    await proxy.start({ workers: 1 });
    const held = proxy.get('hello.test');
    await until('held', async () => (await proxy.client.getService('hello')).held === 1);
    expect((await proxy.client.getService('hello')).targets).toEqual([]);
    const control = proxy.link('inst-a', 2, [spec('hello')]);
    await control.hears('wake hello');
    await control.link.publish(spec('hello', { targets: [target('i2', app.port)] }));
    expect((await held).status).toBe(200);
  });

  test('a killed daemon and its killed workers lose no service that was saved', async () => {
    await proxy.start({ workers: 1 });
    const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
    await control.hears('answered hello i1');
    await until(
      'saved',
      () => existsSync(statePath()) && readFileSync(statePath(), 'utf8').includes('"i1"]'),
    );
    control.link.close();
    const workers = proxy.workerPids;
    await proxy.signal('SIGKILL');
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await proxy.start({ workers: 1 });
    expect((await proxy.get('hello.test')).status).toBe(200);
  });
});

describe('it refuses to start, and says what to do', () => {
  test('on a state file that it cannot read, which it keeps', async () => {
    await serveAndStop();
    writeFileSync(statePath(), '{"version":1,"services":[{"own');
    await expect(proxy.start()).rejects.toThrow(
      /ended with 1: error: cannot read the state file .*state\.json/,
    );
    expect(proxy.said).toContain('hint: it was left as it is');
    expect(readFileSync(statePath(), 'utf8')).toBe('{"version":1,"services":[{"own');
    expect(proxy.workerPids).toEqual([]);
  });

  test('on a state file of a newer version', async () => {
    await serveAndStop();
    writeFileSync(statePath(), '{"version":99}');
    await expect(proxy.start()).rejects.toThrow(/newer than this luma-proxy reads/);
  });

  test('on a port that another process has', async () => {
    await expect(proxy.start({ port: app.port })).rejects.toThrow(
      new RegExp(
        `ended with 1: error: port ${app.port} on 127.0.0.1 is held by another process\nhint: .*ss -ltnp`,
      ),
    );
  });

  test('on an address that is not of this machine', async () => {
    await expect(proxy.start({ more: ['--http-host', '192.0.2.1'] })).rejects.toThrow(
      /192\.0\.2\.1 is no address of this machine/,
    );
  });

  test('on a socket path where something else is', async () => {
    writeFileSync(proxy.socketPath, 'precious');
    await expect(proxy.start()).rejects.toThrow(/is there already and is no socket/);
    expect(readFileSync(proxy.socketPath, 'utf8')).toBe('precious');
  });

  test('on a socket path that is too long', async () => {
    const more = ['--socket-path', join(proxy.dir, 'x'.repeat(120))];
    await expect(proxy.start({ more })).rejects.toThrow(
      /more than 107 bytes\nhint: choose a shorter --socket-path/,
    );
  });

  test.each([
    [
      ['--http-port', '70000'],
      /--http-port \(or LUMA_PROXY_HTTP_PORT\) must be a whole number from 0 to 65535/,
    ],
    [['--workers', 'many'], /--workers .* must be a whole number from 0 to 256, not "many"/],
    [['--shutdown-timeout', '30'], /--shutdown-timeout .* must be a duration such as 30s/],
    [['--http-host', 'example.com'], /--http-host .* must be an IP address/],
    [['--wrokers', '2'], /unknown option '--wrokers'/],
  ])('on %p, as wrong use', async (more, message) => {
    await expect(proxy.start({ more })).rejects.toThrow(/ended with 2/);
    expect(proxy.said).toMatch(message);
  });
});

test('a socket that a dead daemon left is no obstacle, and a new one is private', async () => {
  await proxy.start({ workers: 0 });
  await proxy.signal('SIGKILL');
  expect(existsSync(proxy.socketPath)).toBe(true);
  await proxy.start({ workers: 0 });
  expect(statSync(proxy.socketPath).mode & 0o777).toBe(0o600);
  expect(statSync(join(proxy.stateDir, 'workers.sock')).mode & 0o777).toBe(0o600);
});

test('a client without a daemon hears how to start one', async () => {
  await expect(proxy.client.health()).rejects.toMatchObject({ code: 'proxy_unreachable' });
  writeFileSync(proxy.socketPath, '');
  chmodSync(proxy.socketPath, 0o600);
  await expect(proxy.client.health()).rejects.toMatchObject({
    message: expect.stringContaining('is no socket'),
  });
});
