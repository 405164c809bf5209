/** Tools and libraries that speak HTTP/2, through the edge: curl, nghttp, h2load, and Node's client. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpsStage } from './https-stage.ts';
import { NodeProgram } from './node-program.ts';

const MEBIBYTE = 1024 * 1024;
const stage = new HttpsStage();
const folder = mkdtempSync(join(tmpdir(), 'luma-http2-'));
let program: NodeProgram;

beforeAll(async () => {
  [program] = await Promise.all([NodeProgram.build('node-http2.client.ts'), stage.start()]);
});
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  program.remove();
  await stage.stop();
});

async function told(...command: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

const curl = (...args: readonly string[]): ReturnType<typeof told> =>
  told('curl', '--silent', '--show-error', '--max-time', '20', '--noproxy', '*', '--insecure', ...args);

const overTls = (path: string): string => `https://127.0.0.1:${stage.port}${path}`;
const inTheClear = (path: string): string => `http://127.0.0.1:${stage.plainPort}${path}`;

const ways: [name: string, at: (path: string) => string, flag: string][] = [
  ['TLS', overTls, '--http2'],
  ['prior knowledge', inTheClear, '--http2-prior-knowledge'],
];

test.each(ways)('curl agrees on HTTP/2 by %s', async (_name, at, flag) => {
  const { out } = await curl(
    flag,
    '--write-out',
    '%{http_version} %{http_code}',
    '--output',
    '/dev/null',
    at('/'),
  );
  expect(out).toBe('2 200');
});

test.each(ways)('curl sends 50 MB by %s, and gets what it sent', async (_name, at, flag) => {
  const content = randomBytes(50 * MEBIBYTE);
  const [upload, download] = [join(folder, 'upload'), join(folder, 'download')];
  writeFileSync(upload, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  expect(JSON.parse((await curl(flag, '-T', upload, at('/digest'))).out)).toMatchObject({
    bytes: content.length,
    sha256,
  });
  const { err } = await curl(flag, '--data-binary', `@${upload}`, '--output', download, at('/echo'));
  expect(err).toBe('');
  expect(createHash('sha256').update(readFileSync(download)).digest('hex')).toBe(sha256);
});

test('a slow reader gets all of a large answer', async () => {
  const { code, out } = await curl(
    '--http2',
    '--limit-rate',
    '8M',
    '--write-out',
    '%{size_download}',
    '--output',
    '/dev/null',
    overTls(`/file?bytes=${20 * MEBIBYTE}`),
  );
  expect([code, out]).toEqual([0, String(20 * MEBIBYTE)]);
});

test('nghttp reads every frame', async () => {
  const { code, out } = await told('nghttp', '--verbose', '--no-verify-peer', overTls('/'));
  expect(code).toBe(0);
  expect(out).toContain(':status: 200');
  expect(out).not.toContain('error_code=PROTOCOL_ERROR');
});

test.each([
  ['TLS', () => overTls('/')],
  ['the clear', () => inTheClear('/')],
])('h2load over %s loses no request', async (_name, address) => {
  const { out } = await told('h2load', '-n', '5000', '-c', '20', '-m', '20', address());
  expect(out).toContain('5000 done, 5000 succeeded, 0 failed, 0 errored');
  expect(out).toContain('status codes: 5000 2xx');
});

const ask = (name: string): Promise<unknown> => program.ask(`https://127.0.0.1:${stage.port}`, name);

test('Node sends and gets 50 MB over two streams at once', async () => {
  expect(await ask('echo')).toEqual([true, true]);
});

test('Node has trailers both ways', async () => {
  expect(await ask('trailers')).toMatchObject({ status: 200 });
});

test('Node gives up streams by the hundred, and the connection goes on', async () => {
  expect(await ask('aborts')).toEqual({ status: 200 });
});

test('Node stops reading one stream, and another goes on', async () => {
  expect(await ask('stalls')).toEqual({ other: 200, bytes: 20 * MEBIBYTE });
});
