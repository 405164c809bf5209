/** Who asks, as a real luma-proxy with workers sees it: trusted proxies, PROXY headers, caps, IPv6. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { createConnection } from 'node:net';
import { ProxyFixture, spec, target } from './proxy-fixture.ts';

let proxy: ProxyFixture;
let app: Bun.Server<undefined>;
beforeEach(() => {
  proxy = new ProxyFixture();
  app = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ headers }) => new Response(`from ${headers.get('x-forwarded-for')}`),
  });
});
afterEach(async () => {
  await app.stop(true);
  await proxy.dispose();
});

async function start(workers: number, more: readonly string[]): Promise<void> {
  await proxy.start({ workers, more });
  const targets = [target('i1', app.port!)];
  await proxy.link('inst-a', 1, [spec('app', { targets })]).hears('answered app i1');
}

/** Everything that comes until the other side ends; `host` is where it listens. */
function exchange(bytes: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: proxy.port });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(received));
    socket.on('connect', () => socket.write(bytes, 'latin1'));
  });
}

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n';

test.each([0, 2])('with %d workers a trusted proxy is believed, and nobody else', async (workers) => {
  await start(workers, ['--trusted-proxies', '10.0.0.0/8,127.0.0.1']);
  expect(await exchange(GET)).toEndWith('from 203.0.113.9, 127.0.0.1');
  await proxy.signal('SIGTERM');
  await proxy.start({ workers });
  expect(await exchange(GET)).toEndWith('from 127.0.0.1');
});

test('a listener for PROXY headers takes nothing else', async () => {
  await start(1, ['--trusted-proxies', '127.0.0.0/8', '--proxy-protocol']);
  expect(await exchange(`PROXY TCP6 2001:db8::5 ::1 1 80\r\n${GET}`)).toEndWith('from 2001:db8::5');
  expect(await exchange(GET)).toBe('');
});

test('an address may have so many connections', async () => {
  await start(1, ['--max-connections-per-ip', '1']);
  const first = createConnection({ host: '127.0.0.1', port: proxy.port });
  first.write('GET /luma-proxy-health HTTP/1.1\r\nHost: x.test\r\n\r\n');
  await new Promise((resolve) => first.once('data', resolve));
  expect(await exchange(GET)).toContain('too_many_from_address');
  first.destroy();
});

test('on IPv6 and IPv4 at once each client has its own form, and a target may be IPv6', async () => {
  const onV6 = Bun.serve({ port: 0, hostname: '::1', fetch: () => new Response('v6 target') });
  await proxy.start({ workers: 1, more: ['--http-host', '::'] });
  const v6 = { ...target('i2', onV6.port!), host: '::1' };
  const services = [spec('app', { targets: [target('i1', app.port!)] })];
  services.push(spec('six', { hosts: ['six.test', '2001:db8::1'], targets: [v6] }));
  const link = proxy.link('inst-a', 1, services);
  await link.hears('answered app i1');
  await link.hears('answered six i2');
  expect(await exchange(GET, '127.0.0.1')).toEndWith('from 127.0.0.1');
  expect(await exchange(GET, '::1')).toEndWith('from ::1');
  expect(await exchange(GET.replace('app.test', 'six.test'), '::1')).toEndWith('v6 target');
  expect(await exchange(GET.replace('app.test', '[2001:db8::1]:80'), '::1')).toEndWith('v6 target');
  await onV6.stop(true);
});

test.each([
  [['--trusted-proxies', '10.0.0.1/8'], '--trusted-proxies'],
  [['--trusted-proxies', 'lb.example.com'], 'lb.example.com'],
  [['--proxy-protocol'], '--proxy-protocol needs --trusted-proxies'],
  [['--max-connections-per-ip', '-1'], '--max-connections-per-ip'],
])('%p is wrong use, by name', async (more, named) => {
  await expect(proxy.start({ workers: 0, more })).rejects.toThrow(named);
});
