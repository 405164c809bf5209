import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/base/certificate.fixture.ts';
import { KeptConnection } from './kept-load.ts';
import { App, type LinkRecorder, ProxyFixture, spec, target, until } from './proxy-fixture.ts';
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

async function serveHello(workers: number): Promise<LinkRecorder> {
  await proxy.start({ workers });
  const control = proxy.link('inst-a', 1, [spec('hello', { targets: [target('i1', app.port)] })]);
  await control.hears('answered hello i1');
  return control;
}

describe.each([
  [0, 0],
  [0, 1],
  [1, 0],
  [2, 2],
])('a second daemon on the same state directory (%d workers, then %d)', (before, after) => {
  test('takes over under load: nothing is refused, reset or forgotten', async () => {
    const control = await serveHello(before);
    const { port } = proxy;
    const slow = proxy.get('hello.test', '/slow');
    await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
    const load = new RequestLoad(proxy);
    const { exited } = await proxy.startAnother({ workers: after, port });
    await until('linked again', () => control.count('ready') === 2);
    const status = await proxy.client.status();
    expect(status.pid).toBe(proxy.pid);
    expect(status.services[0]).toMatchObject({ name: 'hello', gate: 'open', owner: 'inst-a' });
    expect(status.services[0]!.in_flight).toBeGreaterThan(0);
    app.finish();
    expect((await slow).status).toBe(200);
    expect(await exited).toBe(0);
    const { answered, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(10);
    await until('quiet', async () => (await proxy.client.getService('hello')).in_flight === 0);
    const workers = after === 0 ? 1 : after;
    await until('only new workers', async () => (await proxy.client.status()).workers.length === workers);
  });

  test('takes over what is held, and its wake', async () => {
    await proxy.start({ workers: before });
    const control = proxy.link('inst-a', 1, [spec('hello')]);
    await control.hears('ready');
    const held = proxy.get('hello.test');
    await control.hears('wake hello');
    const { exited } = await proxy.startAnother({ workers: after, port: proxy.port });
    await until('linked again', () => control.count('ready') === 2);
    await until('the wake again', () => control.heard.at(-1) === 'wake hello');
    await control.link.publish(spec('hello', { targets: [target('i1', app.port)] }));
    expect((await held).status).toBe(200);
    expect(await exited).toBe(0);
  });
});

test('five take-overs and five worker restarts one after the other fail no request', async () => {
  const control = await serveHello(1);
  const { port } = proxy;
  const load = new RequestLoad(proxy);
  for (let round = 1; round <= 5; round++) {
    const { exited } = await proxy.startAnother({ workers: 1, port });
    await proxy.client.restartWorkers();
    expect(await exited).toBe(0);
    await until('linked again', () => control.count('ready') === round + 1);
  }
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  await until('one worker', () => proxy.workerPids.length === 1);
  await until('quiet', async () => (await proxy.client.getService('hello')).in_flight === 0);
}, 20_000);

test('the management socket is never without a daemon: who asks during take-overs is answered or asked to wait', async () => {
  await serveHello(1);
  const { port } = proxy;
  const heard = new Map<string, number>();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const outcome = await fetch('http://luma-proxy/v1/services', {
        unix: proxy.socketPath,
        headers: { connection: 'close' },
      }).then(
        async (response) => (response.ok ? 'ok' : String(((await response.json()) as { code: string }).code)),
        (error) => String(error),
      );
      heard.set(outcome, (heard.get(outcome) ?? 0) + 1);
    }
  })();
  for (let round = 0; round < 4; round++) {
    const { exited } = await proxy.startAnother({ workers: 1, port });
    // Whoever tries again is answered by the next one.
    expect(await proxy.client.health()).toMatchObject({ pid: proxy.pid });
    expect(await exited).toBe(0);
  }
  isOver = true;
  await asking;
  expect([...heard.keys()].sort()).toEqual(['handing_over', 'ok']);
}, 20_000);

test('connections that idle during a take-over are kept, over TLS too, and hear of it with their next answer', async () => {
  const { certificatePem, privateKeyPem } = makeCertificate(['hello.test']);
  const [certificate, key] = [join(proxy.dir, 'certificate.pem'), join(proxy.dir, 'key.pem')];
  writeFileSync(certificate, certificatePem);
  writeFileSync(key, privateKeyPem);
  const more = ['--tls-default-certificate-path', certificate, '--tls-default-private-key-path', key];
  await proxy.start({ workers: 1, httpsPort: 0, more });
  await proxy.client.deploy('hello', { hosts: ['hello.test'], targets: [`127.0.0.1:${app.port}`] });
  const { port, httpsPort } = proxy;
  const idle = await Promise.all([
    KeptConnection.open({ port, host: 'hello.test' }),
    KeptConnection.open({ port: httpsPort, host: 'hello.test', isTls: true }),
  ]);
  for (const connection of idle)
    expect(await connection.ask('hello.test')).toMatchObject({ status: 200, isLast: false });
  const session = connect(`https://127.0.0.1:${httpsPort}`, {
    servername: 'hello.test',
    rejectUnauthorized: false,
  });
  const goAways: number[] = [];
  const errors: unknown[] = [];
  session.on('goaway', (code) => goAways.push(code));
  session.on('error', (error) => errors.push(error));
  const stream = session.request({ ':path': '/slow', ':authority': 'hello.test' });
  const status = new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
  const ended = new Promise((resolve) => session.on('close', resolve));
  await until('in flight', async () => (await proxy.client.getService('hello')).in_flight === 1);
  const { exited } = await proxy.startAnother({ workers: 1, port, httpsPort, more });
  expect(await exited).toBe(0);
  await until('the GOAWAY', () => goAways.length > 0);
  for (const connection of idle) {
    expect(connection.isOpen).toBe(true);
    expect(await connection.ask('hello.test')).toMatchObject({ status: 200, isLast: true });
    connection.close();
  }
  app.finish();
  expect(await status).toBe(200);
  stream.resume();
  await ended;
  expect([goAways[0], errors]).toEqual([0, []]);
  await until('only the new worker', async () => (await proxy.client.status()).workers.length === 1);
}, 20_000);

/** As systemd listens: prints every datagram, and whether the process that was the service before still runs. */
const SERVICE_MANAGER = `import os,socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound',flush=True)
before=None
while True:
  pid=int(dict(l.split('=') for l in s.recv(1000).decode().split())['MAINPID'])
  print(pid, before is None or os.path.exists('/proc/%d' % before),flush=True)
  before=pid`;

test('a service manager hears of the next daemon while the one before still runs', async () => {
  const address = join(proxy.dir, 'notify');
  const manager = Bun.spawn(['python3', '-c', SERVICE_MANAGER, address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const listening = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of manager.stdout) said += decoder.decode(bytes, { stream: true });
  })();
  const env = { NOTIFY_SOCKET: address };
  try {
    await until('it to listen', () => said === 'bound\n');
    await proxy.start({ workers: 1, env });
    const first = proxy.pid;
    const { exited } = await proxy.startAnother({ workers: 1, port: proxy.port, env });
    expect(await exited).toBe(0);
    await until('the second', () => said.split('\n').length === 4);
    expect(said).toBe(`bound\n${first} True\n${proxy.pid} True\n`);
  } finally {
    manager.kill();
    await listening;
  }
}, 20_000);
