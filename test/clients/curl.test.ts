/** curl through the edge. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stage } from './stage.ts';

const MEBIBYTE = 1024 * 1024;
const stage = new Stage();
const folder = mkdtempSync(join(tmpdir(), 'luma-curl-'));
const upload = join(folder, 'upload');
const download = join(folder, 'download');

beforeAll(() => stage.start());
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stage.stop();
});

interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function curl(...args: readonly string[]): Promise<Told> {
  const command = ['curl', '--silent', '--show-error', '--max-time', '20', '--noproxy', '*'];
  const child = Bun.spawn([...command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

const at = (path: string): string => `${stage.address}${path}`;

function noise(bytes: number): { readonly bytes: number; readonly sha256: string } {
  const content = randomBytes(bytes);
  writeFileSync(upload, content);
  return { bytes, sha256: createHash('sha256').update(content).digest('hex') };
}

test('uploads 50 MB, by length and in chunks', async () => {
  const sent = noise(50 * MEBIBYTE);
  expect(JSON.parse((await curl('-T', upload, at('/digest'))).out)).toMatchObject({
    ...sent,
    framing: 'length',
  });
  const chunked = await curl('-T', upload, '-H', 'Transfer-Encoding: chunked', at('/digest'));
  expect(JSON.parse(chunked.out)).toMatchObject({ ...sent, framing: 'chunked' });
});

test('sends what it expects to be asked for only once it is', async () => {
  const sent = noise(2 * MEBIBYTE);
  const { out, err } = await curl(
    '-v',
    '--data-binary',
    `@${upload}`,
    '-H',
    'Expect: 100-continue',
    at('/digest'),
  );
  expect(JSON.parse(out)).toMatchObject(sent);
  expect(err).toMatch(/^> Expect: 100-continue\r$/im);
  expect(err).toMatch(/^< HTTP\/1\.1 100 Continue\r$/m);
});

test('keeps its body to itself when it is refused before', async () => {
  noise(2 * MEBIBYTE);
  const counts = ['-w', '%{http_code} %{size_upload}', '-o', '/dev/null'];
  const slow = ['--expect100-timeout', '10', '-H', 'Expect: 100-continue'];
  const { out } = await curl(...counts, ...slow, '--data-binary', `@${upload}`, at('/refuse-continue'));
  expect(out).toBe('417 0');
});

test('hears a refusal in the middle of its upload', async () => {
  noise(50 * MEBIBYTE);
  const { out } = await curl(
    '-w',
    '%{http_code}',
    '-o',
    '/dev/null',
    '-H',
    'Expect:',
    '-T',
    upload,
    at('/refuse'),
  );
  expect(out).toBe('413');
});

test('continues a download where it was broken off', async () => {
  const path = at(`/file?bytes=${20 * MEBIBYTE}`);
  expect((await curl('-o', download, '-r', '0-4999999', path)).code).toBe(0);
  const rest = await curl('-v', '-C', '-', '-o', download, path);
  const digest = createHash('sha256').update(readFileSync(download)).digest('hex');
  expect(rest.err).toContain('< HTTP/1.1 206 Partial Content');
  expect(rest.err.toLowerCase()).toContain(`< etag: "${digest}"`);
});

test('gets a part of a file', async () => {
  const parts = await curl(
    '-r',
    '10-19',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code} %{size_download}',
    at('/file?bytes=1000'),
  );
  expect(parts.out).toBe('206 10');
  const beyond = await curl('-r', '5000-', '-o', '/dev/null', '-w', '%{http_code}', at('/file?bytes=1000'));
  expect(beyond.out).toBe('416');
});

test.each(['gzip', 'deflate', 'br'])('decodes a body in %s', async (coding) => {
  const { out } = await curl('--compressed', at(`/compressed?coding=${coding}`));
  expect(out).toBe('compressed by the origin\n'.repeat(20_000));
});

test('asks for heads', async () => {
  const { out } = await curl('--head', at('/file?bytes=4711'), at('/file?bytes=4712'));
  expect(out.match(/^content-length: \d+/gim)).toEqual(['Content-Length: 4711', 'Content-Length: 4712']);
});

test('shows interim answers', async () => {
  const { out } = await curl('--include', at('/hints'));
  const lines = out.split('\r\n').filter((line) => line.startsWith('HTTP/'));
  expect(lines).toEqual(['HTTP/1.1 102 Processing', 'HTTP/1.1 103 Early Hints', 'HTTP/1.1 200 OK']);
});

test('takes one connection for many requests', async () => {
  const urls = Array.from({ length: 20 }, (_, n) => ['-o', '/dev/null', at(`/seen?n=${n}`)]).flat();
  const { out } = await curl('-w', '%{num_connects}', ...urls);
  expect(out).toBe(`1${'0'.repeat(19)}`);
});

test('speaks HTTP/1.0 to it: no chunks, no interim answers, an end by the end of the connection', async () => {
  const { out } = await curl('--http1.0', '--include', at('/hints'));
  const [head = '', body] = out.split('\r\n\r\n');
  expect(head).toStartWith('HTTP/1.1 200 OK');
  expect(head.toLowerCase()).not.toContain('transfer-encoding');
  expect(body).toBe('after hints');
});

test('gets events as they come, without a buffer in between', async () => {
  const arguments_ = ['curl', '--silent', '--no-buffer', '--noproxy', '*', at('/events?channel=curl')];
  const child = Bun.spawn(arguments_, { stdio: ['ignore', 'pipe', 'ignore'] });
  let seen = '';
  let published = 0;
  for await (const bytes of child.stdout as ReadableStream<Uint8Array>) {
    seen += new TextDecoder().decode(bytes);
    const told = seen.match(/^data: /gm)?.length ?? 0;
    if (told <= published) continue;
    published = told;
    await curl(at(`/publish?channel=curl&text=${told > 3 ? 'end' : `event-${told}`}`));
  }
  expect(await child.exited).toBe(0);
  expect(seen.match(/^data: .*$/gm)).toEqual([
    'data: hello after nothing',
    ...[1, 2, 3].map((n) => `data: event-${n}`),
  ]);
});

test('that is killed in an upload and in a download cuts them off at the origin', async () => {
  const sending = ['-T', '-', '-X', 'POST', at('/digest?id=curl-upload')];
  const command = ['curl', '--silent', '--noproxy', '*'];
  const uploading = Bun.spawn([...command, ...sending], { stdio: ['pipe', 'ignore', 'ignore'] });
  uploading.stdin.write(Buffer.alloc(MEBIBYTE));
  await uploading.stdin.flush();
  const getting = at('/endless?id=curl-download');
  const downloading = Bun.spawn([...command, getting], { stdio: ['ignore', 'pipe', 'ignore'] });
  await downloading.stdout.getReader().read();
  uploading.kill('SIGKILL');
  downloading.kill('SIGKILL');
  expect((await curl(at('/fate?id=curl-upload'))).out).toBe('request cut');
  expect((await curl(at('/fate?id=curl-download'))).out).toBe('answer cut');
});
