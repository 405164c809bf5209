/** Certificates that are due, revoked, removed or brought along: what a real luma-proxy does about them at a real CA (Pebble). */
import { afterEach, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '../../../src/base/log.ts';
import { renewalCertificateId } from '../../../src/proxy/acme/renewal-info.ts';
import { CertificateFiles } from '../../../src/proxy/certificates/certificate-files.ts';
import { leafPemOf } from '../../../src/proxy/certificates/certificate-text.ts';
import { DirectoryFront } from './directory-front.ts';
import { openssl, until } from './pebble.ts';
import { Stage } from './stage.ts';

let stage: Stage | undefined;
let front: DirectoryFront | undefined;
afterEach(async () => {
  await stage?.dispose();
  await front?.stop();
  stage = undefined;
  front = undefined;
});

test('a revoked certificate is replaced when the CA says so, without anybody’s command', async () => {
  front = new DirectoryFront(() => stage!.pebble);
  stage = await Stage.start({ flags: ['--acme-staging-directory', front.directoryUrl] });
  await stage.deploy('shop', ['shop.example.com'], { staging: true });
  expect(await stage.reaches('shop.example.com', 'valid')).toMatchObject({ directory: front.directoryUrl });
  const { serialNumber } = await stage.shown('shop.example.com');
  const client = await stage.asAccount();
  const leaf = leafPemOf(readFileSync(stage.files[0]!, 'utf8'))!;
  await client.revokeCertificate(leaf);
  expect(await stage.pebble.isRevoked(serialNumber)).toBe(true);
  front.overdue.add(renewalCertificateId(leaf)!);
  // A daemon asks again after a minute, as this CA wants it; the next daemon asks within seconds.
  await stage.takeOver();
  const here = stage;
  const isReplaced = async (): Promise<boolean> =>
    (await here.shown('shop.example.com')).serialNumber !== serialNumber;
  await until('another certificate', isReplaced);
  const after = await stage.shown('shop.example.com');
  expect(await stage.pebble.isRevoked(after.serialNumber)).toBe(false);
});

/** Self-signed, ten days old, with a day to go: past two thirds of its life. */
async function oldCertificate(dir: string, host: string): Promise<{ keyPem: string; pem: string }> {
  const [key, csr, pem] = ['old.key', 'old.csr', 'old.pem'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const config = join(dir, 'old.cnf');
  const names = `[ca]\ndefault_ca=d\n[d]\ndatabase=${dir}/index\nnew_certs_dir=${dir}\ndefault_md=sha256\nserial=${dir}/serial\n`;
  writeFileSync(
    config,
    `${names}policy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:${host}\n`,
  );
  writeFileSync(join(dir, 'index'), '');
  writeFileSync(join(dir, 'serial'), '01');
  const day = (days: number): string =>
    `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', '-new', ...curve, '-keyout', key, '-out', csr, '-subj', '/CN=Old CA');
  await openssl(
    ...['ca', '-batch', '-selfsign', '-notext', '-config', config, '-keyfile', key],
    ...['-in', csr, '-out', pem, '-startdate', day(-10), '-enddate', day(1)],
  );
  return { keyPem: readFileSync(key, 'utf8'), pem: readFileSync(pem, 'utf8') };
}

test('a certificate past two thirds of its life is renewed by the daemon that finds it, as soon as the CA is there, and serves until then', async () => {
  stage = await Stage.start({ isProxyStarted: false });
  const { keyPem, pem: ca } = await oldCertificate(stage.pebble.dir, 'shop.example.com');
  const origin = {
    name: 'shop.example.com',
    directoryUrl: stage.pebble.directoryUrl,
    challenge: null,
    isOnDemand: false,
  };
  const files = new CertificateFiles(stage.proxy.stateDir, silentLog);
  await files.put({ origin, keyPem, chainPem: ca });
  await stage.pebble.stopCa();
  await stage.startProxy();
  await stage.deploy('shop', ['shop.example.com']);
  expect((await stage.shown('shop.example.com', { ca })).issuer.CN).toBe('Old CA');
  expect(await stage.reaches('shop.example.com', 'backing-off')).toMatchObject({
    served: true,
    last_error: { code: 'acme_unreachable' },
  });
  await stage.pebble.startCa();
  stage.root = await stage.pebble.root();
  await stage.reaches('shop.example.com', 'valid');
  expect((await stage.shown('shop.example.com')).issuer.CN).toStartWith('Pebble');
  // It goes only when the new one serves.
  const here = stage;
  await until('the old file to go', () => here.files.length === 1);
});

test('a certificate that a person brought stands in the list, and is never ordered', async () => {
  stage = await Stage.start({ workers: 1 });
  const [key, pem] = [join(stage.pebble.dir, 'own.key'), join(stage.pebble.dir, 'own.pem')];
  await openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key],
    ...['-out', pem, '-subj', '/CN=Own CA', '-addext', 'subjectAltName=DNS:own.example.com', '-days', '9'],
  );
  const own = { certificate_path: pem, private_key_path: key };
  expect((await stage.deploy('own', ['own.example.com'], { own_certificate: own })).uncertified).toEqual([]);
  expect(await stage.certificate('own.example.com')).toMatchObject({
    state: 'own',
    issuer: 'Own CA',
    served: true,
    directory: null,
  });
  expect((await stage.shown('own.example.com', { ca: readFileSync(pem, 'utf8') })).issuer.CN).toBe('Own CA');
  expect(await stage.pebble.signedNames()).toEqual([]);
});

test('a removed host is refused and not renewed; deployed again, it is served without an order', async () => {
  stage = await Stage.start();
  await stage.deploy('shop', ['shop.example.com']);
  await stage.reaches('shop.example.com', 'valid');
  const { serialNumber } = await stage.shown('shop.example.com');
  await stage.proxy.client.remove('shop');
  await stage.reaches('shop.example.com', 'retired');
  await expect(stage.shown('shop.example.com')).rejects.toThrow();
  expect(stage.files).toHaveLength(1);
  expect(stage.proxy.client.renewCertificate('shop.example.com')).rejects.toMatchObject({
    code: 'certificate_not_found',
  });
  await stage.deploy('shop', ['shop.example.com']);
  expect((await stage.shown('shop.example.com')).serialNumber).toBe(serialNumber);
  expect(await stage.pebble.signedNames()).toEqual(['shop.example.com']);
});

test('what is on disk serves from the first moment of the next daemon, with the CA away, and what is spoilt is named and kept', async () => {
  stage = await Stage.start();
  await stage.deploy('a', ['a.example.com']);
  await stage.deploy('b', ['b.example.com']);
  await stage.reaches('a.example.com', 'valid');
  await stage.reaches('b.example.com', 'valid');
  await stage.proxy.signal('SIGTERM');
  await stage.pebble.stopCa();
  const spoilt = stage.files.find((path) => path.includes('b.example.com'))!;
  writeFileSync(spoilt, 'nothing of use');
  await stage.startProxy();
  expect((await stage.shown('a.example.com')).subjectaltname).toBe('DNS:a.example.com');
  expect(stage.proxy.said).toContain(spoilt);
  expect(readFileSync(spoilt, 'utf8')).toBe('nothing of use');
  expect(await stage.reaches('b.example.com', 'backing-off')).toMatchObject({ served: false });
});
