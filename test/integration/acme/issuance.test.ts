/** Certificates from a real CA (Pebble), by a real luma-proxy with two workers: each kind of challenge, and who gets one. */
import { afterEach, expect, test } from 'bun:test';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudflareZone } from './cloudflare.ts';
import { Stage } from './stage.ts';

let stage: Stage | undefined;
let zone: CloudflareZone | undefined;
afterEach(async () => {
  await stage?.dispose();
  await zone?.stop();
  stage = undefined;
  zone = undefined;
});

test('a deploy with --ssl says that HTTPS is not there yet, and a moment later it is, by http-01, and again when asked', async () => {
  stage = await Stage.start({ nonceReject: 20 });
  const { uncertified } = await stage.deploy('shop', ['shop.example.com']);
  expect(uncertified.map(({ host, served }) => [host, served])).toEqual([['shop.example.com', false]]);
  const status = await stage.reaches('shop.example.com', 'valid');
  expect(status).toMatchObject({ challenge: 'http-01', service: 'shop', served: true, last_error: null });
  const first = await stage.shown('shop.example.com');
  expect(first.subjectaltname).toBe('DNS:shop.example.com');
  expect(await stage.get('shop.example.com')).toBe('hello');
  expect(stage.files.map((path) => statSync(path).mode & 0o777)).toEqual([0o600]);
  expect(stage.account).toMatchObject({ email: 'ops@example.com' });
  expect((await stage.deploy('shop', ['shop.example.com'])).uncertified).toEqual([]);
  await stage.renewed('shop.example.com', first.serialNumber);
  expect(stage.files).toHaveLength(1);
});

test('a certificate proved by tls-alpn-01, and renewed by it', async () => {
  stage = await Stage.start({ flags: ['--acme-challenge', 'tls-alpn-01'] });
  await stage.deploy('shop', ['shop.example.com']);
  expect(await stage.reaches('shop.example.com', 'valid')).toMatchObject({ challenge: 'tls-alpn-01' });
  const { serialNumber } = await stage.shown('shop.example.com');
  expect(await stage.renewed('shop.example.com', serialNumber)).toMatchObject({ challenge: 'tls-alpn-01' });
});

test('where http-01 is not answered, tls-alpn-01 is tried in the same moment', async () => {
  stage = await Stage.start({ httpPort: 9 });
  await stage.deploy('shop', ['shop.example.com']);
  expect(await stage.reaches('shop.example.com', 'valid')).toMatchObject({ challenge: 'tls-alpn-01' });
});

test('a wildcard proved by a TXT record at Cloudflare, and renewed by one; nothing is left there', async () => {
  zone = new CloudflareZone('example.com');
  const cloudflare = zone;
  const tokenFile = join(import.meta.dir, `token-${process.pid}`);
  writeFileSync(tokenFile, `${zone.token}\n`, { mode: 0o600 });
  try {
    stage = await Stage.start({
      flags: [...zone.flags, '--cloudflare-api-token-file', tokenFile],
      flagsOf: (pebble) => {
        cloudflare.pebble = pebble;
        return ['--acme-dns-resolver', pebble.resolver];
      },
    });
    await stage.deploy('shop', ['*.example.com']);
    expect(await stage.reaches('*.example.com', 'valid')).toMatchObject({ challenge: 'dns-01' });
    const { serialNumber, subjectaltname } = await stage.shown('any.example.com');
    expect(subjectaltname).toBe('DNS:*.example.com');
    await stage.renewed('*.example.com', serialNumber, 'other.example.com');
    expect(zone.records.size).toBe(0);
  } finally {
    await Bun.file(tokenFile).delete();
  }
});

test('a wildcard that nobody could prove is refused when it is deployed, with what to do', async () => {
  stage = await Stage.start({ workers: 1 });
  const refused = await stage.deploy('shop', ['*.example.com']).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: 'acme_wildcard_needs_dns',
    hint: expect.stringContaining('--acme-dns-provider'),
  });
  expect(await stage.proxy.client.listServices()).toEqual([]);
});

test('a CA that binds accounts to its own gets one bound, and without that nothing is signed', async () => {
  const externalAccount = {
    keyId: 'kid-1',
    hmacKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
  };
  stage = await Stage.start({ externalAccount, workers: 1 });
  await stage.deploy('shop', ['shop.example.com']);
  const { last_error: error } = await stage.reaches('shop.example.com', 'refused');
  expect(error).toMatchObject({
    code: 'acme_eab_required',
    hint: expect.stringContaining('--acme-eab-key-id'),
  });
  await stage.takeOver(['--acme-eab-key-id', 'kid-1', '--acme-eab-hmac-key', externalAccount.hmacKey]);
  await stage.proxy.client.renewCertificate('shop.example.com');
  await stage.reaches('shop.example.com', 'valid');
  expect(await stage.get('shop.example.com')).toBe('hello');
});

test('fifty hosts deployed at once all get theirs, and nothing is signed that nobody deployed', async () => {
  stage = await Stage.start({ nonceReject: 5, authorizationReuse: 50 });
  const hosts = Array.from({ length: 50 }, (_, index) => `h${index}.example.com`);
  const here = stage;
  await Promise.all(hosts.map((host) => here.deploy(host.split('.')[0] ?? '', [host])));
  for (const host of hosts) await stage.reaches(host, 'valid');
  const shown = await Promise.all(hosts.map((host) => here.shown(host)));
  expect(shown.map(({ subjectaltname }) => subjectaltname)).toEqual(hosts.map((host) => `DNS:${host}`));
  await expect(stage.shown('nobody.example.com')).rejects.toThrow();
  expect([...(await stage.pebble.signedNames())].sort()).toEqual([...hosts].sort());
  // One registration for all who waited for it.
  expect(stage.pebble.said.match(/There are now \d+ accounts in memory/g)).toEqual([
    'There are now 1 accounts in memory',
  ]);
  const metrics = await stage.metrics();
  expect(metrics).toContain('luma_proxy_certificates{state="valid"} 50');
  expect(metrics).toContain('luma_proxy_certificate_orders_total{outcome="issued"} 50');
});

test('a host on demand is signed while its first client waits, if the service says so, and no other is', async () => {
  stage = await Stage.start();
  const asked: string[] = [];
  const service = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      const host = new URL(request.url).searchParams.get('host') ?? '';
      asked.push(host);
      return new Response('', { status: host.startsWith('good') ? 200 : 403 });
    },
  });
  try {
    await stage.deploy('shop', ['*'], { on_demand_url: `http://127.0.0.1:${service.port}/may` });
    expect(await stage.proxy.client.certificates()).toEqual([]);
    const shown = await Promise.all(Array.from({ length: 8 }, () => stage!.shown('good.example.com')));
    expect(new Set(shown.map(({ subjectaltname }) => subjectaltname))).toEqual(
      new Set(['DNS:good.example.com']),
    );
    await expect(stage.shown('bad.example.com')).rejects.toThrow();
    await expect(stage.shown('bad.example.com')).rejects.toThrow();
    expect(asked).toEqual(['good.example.com', 'bad.example.com']);
    expect(await stage.pebble.signedNames()).toEqual(['good.example.com']);
    expect(await stage.certificate('good.example.com')).toMatchObject({ on_demand: true, service: 'shop' });
  } finally {
    await service.stop(true);
  }
});
