import { afterAll, afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { CertificateFiles } from './certificate-files.ts';
import type { CertificateOrigin } from './certificate-text.ts';

const keys = mkdtempSync(join(tmpdir(), 'luma-keys-'));
afterAll(() => rmSync(keys, { recursive: true }));
let stateDir = '';
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'luma-certs-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

function signed(name: string, days = 30): { keyPem: string; chainPem: string } {
  const [key, certificate] = [join(keys, `${name}.key`), join(keys, `${name}.pem`)];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  words.push('-keyout', key, '-out', certificate, '-days', String(days));
  words.push('-subj', '/O=Test Org/CN=Test CA', '-addext', `subjectAltName=DNS:${name}`);
  expect(Bun.spawnSync(['openssl', ...words]).exitCode).toBe(0);
  return { keyPem: readFileSync(key, 'utf8'), chainPem: readFileSync(certificate, 'utf8') };
}

const origin = (name: string): CertificateOrigin => ({
  name,
  directoryUrl: 'https://ca.test:14000/dir',
  challenge: 'http-01',
  isOnDemand: false,
});

class Complaints implements Log {
  readonly errors: string[] = [];
  debug = silentLog.debug;
  info = silentLog.info;
  warn = silentLog.warn;
  error(message: string): void {
    this.errors.push(message);
  }
}

test('what is put is found again by the next daemon, with everything known of it', async () => {
  const files = new CertificateFiles(stateDir, silentLog);
  const held = await files.put({ origin: origin('a.test'), ...signed('a.test') });
  expect(held).toMatchObject({
    name: 'a.test',
    names: ['a.test'],
    issuer: 'Test Org Test CA',
    isOnDemand: false,
  });
  expect(held.notAfter - held.notBefore).toBe(30 * 24 * 60 * 60 * 1_000);
  expect(await new CertificateFiles(stateDir, silentLog).load()).toEqual([held]);
});

test('keys are for nobody else: files 0600, directories 0700', async () => {
  const held = await new CertificateFiles(stateDir, silentLog).put({
    origin: origin('*.a.test'),
    ...signed('*.a.test'),
  });
  expect(statSync(held.file).mode & 0o777).toBe(0o600);
  for (const folder of [dirname(held.file), join(stateDir, 'certs', 'acme'), join(stateDir, 'certs')]) {
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  }
});

test('a file is a whole: key and chain as programs read them, behind a line of Luma’s', async () => {
  const held = await new CertificateFiles(stateDir, silentLog).put({
    origin: origin('a.test'),
    ...signed('a.test'),
  });
  expect(Bun.spawnSync(['openssl', 'x509', '-in', held.file, '-noout']).exitCode).toBe(0);
  expect(Bun.spawnSync(['openssl', 'pkey', '-in', held.file, '-noout']).exitCode).toBe(0);
});

test('a newer certificate of a name is a file of its own, and the older one goes at the next start', async () => {
  const files = new CertificateFiles(stateDir, silentLog);
  const pem = signed('a.test');
  const first = await files.put({ origin: origin('a.test'), ...pem });
  const second = await files.put({ origin: origin('a.test'), ...pem });
  expect(first.file).not.toBe(second.file);
  const [left, ...others] = await files.load();
  expect(others).toEqual([]);
  expect(readdirSync(dirname(first.file)).map((name) => join(dirname(first.file), name))).toEqual([
    left!.file,
  ]);
});

test('a key of another certificate is refused before anything is written', async () => {
  const files = new CertificateFiles(stateDir, silentLog);
  const { keyPem } = signed('a.test');
  const { chainPem } = signed('b.test');
  expect(files.put({ origin: origin('b.test'), keyPem, chainPem })).rejects.toThrow('of another certificate');
  expect(await files.load()).toEqual([]);
});

test('what cannot be read is named, kept, and keeps nobody else from serving', async () => {
  const complaints = new Complaints();
  const files = new CertificateFiles(stateDir, complaints);
  const good = await files.put({ origin: origin('a.test'), ...signed('a.test') });
  const spoilt = await files.put({ origin: origin('b.test'), ...signed('b.test') });
  const text = readFileSync(spoilt.file, 'utf8');
  writeFileSync(spoilt.file, text.slice(0, text.length / 2));
  expect(await files.load()).toEqual([good]);
  expect(complaints.errors.join()).toContain(spoilt.file);
  expect(readFileSync(spoilt.file, 'utf8')).toBe(text.slice(0, text.length / 2));
});

test('what a crash left half written is taken away, and a folder that others could read is closed', async () => {
  const files = new CertificateFiles(stateDir, silentLog);
  const held = await files.put({ origin: origin('a.test'), ...signed('a.test') });
  const aside = join(dirname(held.file), '.b.test~x.pem.aside-12345678');
  writeFileSync(aside, 'half');
  chmodSync(dirname(held.file), 0o755);
  await files.load();
  expect(readdirSync(dirname(held.file))).toHaveLength(1);
  await files.folderOf(held.directoryUrl);
  expect(statSync(dirname(held.file)).mode & 0o777).toBe(0o700);
});

test('each CA has a folder of its own', async () => {
  const files = new CertificateFiles(stateDir, silentLog);
  const folders = await Promise.all(
    [
      'https://acme-v02.api.letsencrypt.org/directory',
      'https://acme-staging-v02.api.letsencrypt.org/directory',
    ].map((url) => files.folderOf(url)),
  );
  expect(folders.map((folder) => folder.split('/').at(-1))).toEqual([
    'acme-v02.api.letsencrypt.org-directory',
    'acme-staging-v02.api.letsencrypt.org-directory',
  ]);
});

test('no certificates yet is no error', async () => {
  expect(await new CertificateFiles(stateDir, silentLog).load()).toEqual([]);
});
