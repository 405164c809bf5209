/** Large uploads through `luma up` as curl sends them, to an app that has to be woken first: every byte arrives. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProxyClient } from '../../src/proxy/client/index.ts';
import { MemoryWatch } from '../integration/edge/process-facts.ts';
import { Luma } from './luma.ts';

const minute = 60_000;
const MEGABYTES = 200;
/** What a worker may grow by while it passes on 200 MB: nothing of them stays. */
const GROWTH_BYTES_MAX = 60 * 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'luma-upload-'));
const file = join(folder, 'upload.bin');
let expected: { sha256: string; bytes: number };
let luma: Luma;

beforeAll(async () => {
  expected = writeUpload();
  luma = await Luma.start({ runtime: 'process' });
  await luma.add({ name: 'files', idle_timeout: '1s' });
}, minute);

afterAll(async () => {
  expect(await luma?.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
}, minute);

function writeUpload(): typeof expected {
  const hash = new Bun.CryptoHasher('sha256');
  const fd = openSync(file, 'w');
  for (let n = 0; n < MEGABYTES; n++) {
    const block = randomBytes(1024 * 1024);
    hash.update(block);
    writeSync(fd, block);
  }
  closeSync(fd);
  return { sha256: hash.digest('hex'), bytes: MEGABYTES * 1024 * 1024 };
}

async function workerPid(): Promise<number> {
  const { workers } = await createProxyClient({ socketPath: luma.proxySocket }).status();
  return workers[0]?.pid ?? 0;
}

async function upload(...flags: readonly string[]): Promise<unknown> {
  const url = `http://files.localhost:${luma.httpPort}/hash`;
  const words = ['curl', '-sS', '--fail-with-body', '--max-time', '50', '-T', file, ...flags, url];
  const curl = Bun.spawn([...words, '--resolve', `files.localhost:${luma.httpPort}:127.0.0.1`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([new Response(curl.stdout).text(), new Response(curl.stderr).text()]);
  if ((await curl.exited) !== 0) throw new Error(`curl: ${err}${out}`);
  return JSON.parse(out);
}

for (const [how, flags] of [
  ['with its length said', []],
  ['in chunks', ['-H', 'Transfer-Encoding: chunked']],
  ['without waiting for 100 Continue', ['-H', 'Expect:']],
] as const) {
  test(
    `an upload of ${MEGABYTES} MB ${how} wakes a sleeping project and arrives whole`,
    async () => {
      await luma.untilStatus('files', 'idle');
      const memory = new MemoryWatch(await workerPid());
      expect(await upload(...flags)).toEqual(expected);
      expect(memory.growth).toBeLessThan(GROWTH_BYTES_MAX);
      expect((await luma.events('files', 'crashed')).length).toBe(0);
    },
    minute,
  );
}
