import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate, writeCertificate } from '../../base/certificate.fixture.ts';
import type { EdgeCertificate } from './edge-certificate.ts';
import { SecureContexts } from './secure-contexts.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-contexts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pems = makeCertificate(['a.test']);
function certificate(id: string): EdgeCertificate {
  const file = join(folder, `${id}.pem`);
  writeCertificate(file, pems);
  return { id, names: [`${id}.test`], file, notBefore: 1, notAfter: 2 };
}

function fail(error: unknown): void {
  throw error;
}

test('a certificate is read when it is asked for, once for all who ask meanwhile, and then kept', async () => {
  const contexts = new SecureContexts(2, fail);
  const a = certificate('a');
  const first = contexts.get(a);
  expect(first).toBeInstanceOf(Promise);
  expect(contexts.get(a)).toBe(first);
  expect(contexts.get(a)).toBe(first);
  const loaded = await first;
  expect(contexts.get(a)).toBe(loaded);
  expect(contexts.size).toBe(1);
});

test('at the limit all are kept; one beyond, the one used longest ago goes', async () => {
  const contexts = new SecureContexts(2, fail);
  const [a, b, c] = [certificate('a'), certificate('b'), certificate('c')];
  await contexts.get(a);
  await contexts.get(b);
  expect([contexts.get(a), contexts.get(b)].some((context) => context instanceof Promise)).toBe(false);
  await contexts.get(a);
  await contexts.get(c);
  expect(contexts.size).toBe(2);
  expect(contexts.get(a)).not.toBeInstanceOf(Promise);
  expect(contexts.get(b)).toBeInstanceOf(Promise);
});

test('one that is dropped is read again', async () => {
  const contexts = new SecureContexts(2, fail);
  const a = certificate('a');
  await contexts.get(a);
  contexts.drop('a');
  expect(contexts.get(a)).toBeInstanceOf(Promise);
});

test('one that cannot be read is refused, and tried again by the next who asks', async () => {
  const contexts = new SecureContexts(2, fail);
  const missing = { ...certificate('a'), file: join(folder, 'later.pem') };
  await expect(contexts.get(missing)).rejects.toThrow('ENOENT');
  writeCertificate(missing.file, pems);
  expect(await contexts.get(missing)).toHaveProperty('context');
});
