/** Projects by HTTPS: `luma up` with a real CA (Pebble), and what a project says about how it is reached. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createProxyClient } from '../../src/proxy/client/index.ts';
import { freePorts, Pebble } from '../integration/acme/pebble.ts';
import { Luma, until } from './luma.ts';

const minute = 60_000;

let pebble: Pebble;
let luma: Luma;
let root: string;
let httpsPort: number;

beforeAll(async () => {
  const [http = 0, https = 0] = await freePorts(2);
  httpsPort = https;
  pebble = await Pebble.start({ httpPort: http, tlsPort: https });
  root = await pebble.root();
  const acme = ['--acme-directory', pebble.directoryUrl, '--acme-ca-file', pebble.caFile];
  luma = await Luma.start({
    runtime: 'process',
    httpPort: http,
    flags: ['--https-port', String(https), '--lets-encrypt-email', 'ops@example.com', ...acme],
  });
}, minute);

afterAll(async () => {
  expect(await luma?.stop()).toBe(0);
  await pebble?.dispose();
}, minute);

function byHttps(host: string, path = '/'): Promise<Response> {
  return fetch(`https://127.0.0.1:${httpsPort}${path}`, {
    headers: { host, connection: 'close' },
    tls: { ca: root, serverName: host } as NonNullable<BunFetchRequestInit['tls']>,
  });
}

async function change(name: string, changes: object): Promise<void> {
  const { status, json } = await luma.api('PATCH', `/projects/${name}`, changes);
  if (status !== 200) throw new Error(JSON.stringify(json));
}

describe('a project with ssl', () => {
  test(
    'gets its certificate while it sleeps, and is woken by the first request over HTTPS',
    async () => {
      await luma.add({ name: 'shop', hostname: 'shop.example.com', ssl: true, ssl_redirect: false });
      const proxy = createProxyClient({ socketPath: luma.proxySocket });
      await until('the certificate', async () => (await proxy.certificates())[0]?.state === 'valid');
      expect(await luma.events('shop', 'woken')).toEqual([]);
      const answer = await byHttps('shop.example.com', '/headers');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-luma-cold-start')).toBe('1');
      expect(await answer.json()).toMatchObject({ 'x-forwarded-proto': 'https' });
      expect((await luma.api('GET', '/projects/shop')).json['url']).toBe(
        `https://shop.example.com:${httpsPort}`,
      );
    },
    minute,
  );

  test(
    'sends HTTP on to HTTPS where it is not told otherwise, and a redirect wakes nobody',
    async () => {
      await change('shop', { ssl_redirect: null });
      await luma.api('POST', '/projects/shop/sleep');
      const answer = await luma.get('shop.example.com', '/cart?item=1');
      expect([answer.status, answer.headers.get('location')]).toEqual([
        308,
        `https://shop.example.com:${httpsPort}/cart?item=1`,
      ]);
      expect(await luma.status('shop')).toBe('idle');
      const unknown = await luma.get('shop.example.com', '/.well-known/acme-challenge/nobody-knows');
      expect(unknown.status).toBe(404);
      expect(await luma.status('shop')).toBe('idle');
    },
    minute,
  );

  test(
    'goes back to HTTP alone, and HTTPS no longer knows it',
    async () => {
      await change('shop', { ssl: false });
      await until('HTTPS to refuse', async () => {
        const { status } = await byHttps('shop.example.com').catch(() => ({ status: 0 }));
        return status !== 200;
      });
      expect((await luma.get('shop.example.com')).status).toBe(200);
    },
    minute,
  );
});

describe('what a project says about its routes', () => {
  test(
    'is in force at once, without a new instance',
    async () => {
      await luma.add({ name: 'api' });
      const before = (await luma.get('api.localhost')).headers.get('x-app-start');
      expect(before).toBeDefined();
      await change('api', { path_prefix: '/v1' });
      expect((await luma.get('api.localhost')).status).toBe(404);
      expect((await luma.get('api.localhost', '/v1/things')).headers.get('x-app-start')).toBe(before);

      const headers = { 'X-Forwarded-For': '192.0.2.7' };
      await change('api', { path_prefix: null, forward_headers: true });
      const appended = JSON.parse((await luma.get('api.localhost', '/headers', { headers })).body);
      expect(appended['x-forwarded-for']).toBe('192.0.2.7, 127.0.0.1');
      await change('api', { forward_headers: false, response_timeout: '300ms' });
      const replaced = JSON.parse((await luma.get('api.localhost', '/headers', { headers })).body);
      expect(replaced['x-forwarded-for']).toBe('127.0.0.1');

      expect((await luma.get('api.localhost', '/slow?ms=5000')).status).toBe(504);
      await change('api', { response_timeout: null });
      expect((await luma.get('api.localhost', '/slow?ms=600')).status).toBe(200);
      expect((await luma.get('api.localhost')).headers.get('x-app-start')).toBe(before);
    },
    minute,
  );
});
