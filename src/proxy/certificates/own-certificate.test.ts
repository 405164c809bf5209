import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../base/certificate.fixture.ts';
import { isCovered, readCertificate } from './own-certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-own-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pems = makeCertificate(['shop.test', '*.shop.test']);
const other = makeCertificate(['other.test']);
const paths = { certificatePath: join(folder, 'c.pem'), privateKeyPath: join(folder, 'k.pem') };
const now = Date.now();

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

beforeAll(() => {
  write('c.pem', `words before\n${pems.certificatePem}${other.certificatePem}`);
  write('k.pem', pems.privateKeyPem);
});

test('a good one is key and chain in one text', async () => {
  const read = await readCertificate(paths, ['shop.test', 'a.shop.test', ''], now);
  expect(read.names).toEqual(['shop.test', '*.shop.test']);
  expect(read.text).toStartWith('-----BEGIN PRIVATE KEY-----');
  expect(read.text.match(/BEGIN CERTIFICATE/g)?.length).toBe(2);
  expect(read.notBefore).toBeLessThanOrEqual(now);
  expect(read.notAfter).toBeGreaterThan(now);
});

describe('refused, and it says what to do', () => {
  const cases: readonly [string, () => Promise<unknown>, string, RegExp][] = [
    [
      'a file that is not there',
      () => readCertificate({ ...paths, certificatePath: '/nowhere/c.pem' }, [], now),
      'certificate_file_unreadable',
      /cannot read the certificate \/nowhere\/c.pem: ENOENT.*--tls-certificate-path/s,
    ],
    [
      'a key file that is not there',
      () => readCertificate({ ...paths, privateKeyPath: '/nowhere/k.pem', setting: 'tls-default' }, [], now),
      'certificate_file_unreadable',
      /cannot read the private key \/nowhere\/k.pem.*--tls-default-private-key-path/s,
    ],
    [
      'a directory',
      () => readCertificate({ ...paths, certificatePath: folder }, [], now),
      'certificate_file_unreadable',
      /EISDIR/,
    ],
    [
      'no PEM',
      () => readCertificate({ ...paths, certificatePath: write('no.pem', 'hello') }, [], now),
      'certificate_invalid',
      /no certificate that can be used: it has no `-----BEGIN CERTIFICATE-----`/,
    ],
    [
      'PEM of nonsense',
      () => {
        const text = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
        return readCertificate({ ...paths, certificatePath: write('bad.pem', text) }, [], now);
      },
      'certificate_invalid',
      /bad.pem is no certificate that can be used/,
    ],
    [
      'one that may sign no handshake',
      () => {
        const authority = makeCertificate(['shop.test'], { keyUsage: 'critical,keyCertSign' });
        const certificatePath = write('ca.pem', authority.certificatePem);
        return readCertificate(
          { certificatePath, privateKeyPath: write('ca.key', authority.privateKeyPem) },
          [],
          now,
        );
      },
      'certificate_invalid',
      /ca.pem is no certificate that can be used: TLS refuses it \(.*KEY_USAGE/,
    ],
    [
      'a key that is none',
      () => readCertificate({ ...paths, privateKeyPath: paths.certificatePath }, [], now),
      'private_key_invalid',
      /no private key that can be used: it has no `PRIVATE KEY`/,
    ],
    [
      'a key of another certificate',
      () =>
        readCertificate(
          { ...paths, privateKeyPath: write('o.pem', makeCertificate(['x']).privateKeyPem) },
          [],
          now,
        ),
      'private_key_mismatch',
      /o.pem is not the key of .*c.pem/,
    ],
    [
      'a chain in the wrong order',
      () => readCertificate({ ...paths, privateKeyPath: write('p.pem', other.privateKeyPem) }, [], now),
      'private_key_mismatch',
      /belongs to certificate 2 of .*c.pem, not to the first/,
    ],
    [
      'one that is over',
      () => readCertificate(paths, [], now + 400 * 24 * 3_600_000),
      'certificate_expired',
      /c.pem expired on 20/,
    ],
    [
      'one that is not valid yet',
      () => readCertificate(paths, [], now - 24 * 3_600_000),
      'certificate_expired',
      /is not valid before 20/,
    ],
    [
      'other names',
      () => readCertificate(paths, ['shop.test', 'a.b.shop.test', '*.other.test'], now),
      'certificate_names',
      /good for shop.test, \*.shop.test, not for a.b.shop.test, \*.other.test/,
    ],
  ];
  test.each(cases)('%s', async (_, read, code, message) => {
    const error = await read().catch((reason: unknown) => reason);
    const { hint = '', message: said = '' } = error as { hint?: string; message?: string };
    expect(error).toMatchObject({ code });
    expect(`${said}\n${hint}`).toMatch(message);
    expect(hint.length).toBeGreaterThan(10);
  });
});

test('a wildcard stands for one level, also of a wildcard host', () => {
  const names = ['a.test', '*.b.test'];
  expect(isCovered('a.test', names)).toBe(true);
  expect(isCovered('x.b.test', names)).toBe(true);
  expect(isCovered('*.b.test', names)).toBe(true);
  expect(isCovered('b.test', names)).toBe(false);
  expect(isCovered('x.y.b.test', names)).toBe(false);
});
