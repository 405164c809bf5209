/** Chromium through the edge, by HTTP/1.1 and by HTTP/2: pages, forms and files, fetch, EventSource and WebSocket. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { HttpsStage } from './https-stage.ts';
import { Stage } from './stage.ts';

const MEBIBYTE = 1024 * 1024;
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
flags.push('--disable-background-networking', '--disable-component-update', '--disable-sync');

/** Chromium may leave the HTTP/2 stream of a WebSocket half-closed after its end: the edge gives it 30 s, and the test waits. */
const HALF_CLOSED_MS = 90_000;

describe.each([
  ['http/1.1', () => new Stage()],
  ['h2', () => new HttpsStage()],
])('over %s', (protocol, makeStage) => {
  const stage = makeStage();
  const folder = mkdtempSync(join(tmpdir(), 'luma-browser-'));
  let browser: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    [browser] = await Promise.all([
      chromium.launchPersistentContext(join(folder, 'profile'), {
        executablePath: Bun.which('chromium') ?? '/usr/bin/chromium',
        args: flags,
        acceptDownloads: true,
        ignoreHTTPSErrors: true,
      }),
      stage.start(),
    ]);
    page = await browser.newPage();
    await page.goto(stage.browserAddress);
    await page.addScriptTag({ content: readFileSync(join(import.meta.dir, 'browser-page.js'), 'utf8') });
  }, 60_000);
  afterEach(() => stage.untilQuiet());
  afterAll(async () => {
    await browser.close();
    await stage.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (name: string): Promise<unknown> => page.evaluate(`cases.${name}()`);

  test('speaks it', async () => {
    expect(await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")).toBe(
      protocol,
    );
  });

  test('uploads 10 MB by fetch and by XMLHttpRequest', async () => {
    expect(await run('upload')).toEqual({ same: [true, true], hasProgress: true });
  });

  test('downloads 30 MB and ranges', async () => {
    expect(await run('download')).toEqual({
      isSame: true,
      ranges: [
        [206, 'bytes 0-99/2000', 100],
        [206, 'bytes 1000-1999/2000', 1000],
        [206, 'bytes 1995-1999/2000', 5],
      ],
    });
  });

  test('decodes compressed bodies', async () => {
    expect(await run('compressed')).toEqual([500_000, 500_000, 500_000, 500_000, 500_000]);
  });

  test('follows server-sent events over a reconnect', async () => {
    expect(await run('events')).toEqual(['hello after nothing', 'event-1', 'event-2', 'hello after 2']);
  });

  test('polls for long', async () => {
    expect(await run('polling')).toEqual(['word-1', 'word-2', 'word-3']);
  });

  test('reads past early hints', async () => {
    expect(await run('hints')).toBe('after hints');
  });

  test('gets two hundred answers over the few connections that it keeps', async () => {
    expect(await run('many')).toBe(true);
  });

  test('that gives up cuts the exchange off at the origin', async () => {
    expect(await run('aborts')).toEqual({ download: 'answer cut', upload: 'request cut' });
  });

  test(
    'speaks WebSocket: compression, 16 MB, pings, close code',
    async () => {
      expect(await run('socket')).toMatchObject({
        protocol: 'other',
        extensions: expect.stringContaining('permessage-deflate'),
        isSame: true,
        isTextSame: true,
        pong: 'pong are you there',
        closed: [4100, 'as asked', true],
      });
    },
    HALF_CLOSED_MS,
  );

  test(
    'knows how a WebSocket ended',
    async () => {
      expect(await run('closing')).toEqual([
        [4200, 'mine', true],
        [1006, '', false],
      ]);
    },
    HALF_CLOSED_MS,
  );

  test('sends a form with a file of 20 MB, and saves a file', async () => {
    const other = await browser.newPage();
    const upload = join(folder, 'upload.bin');
    writeFileSync(upload, randomBytes(20 * MEBIBYTE));
    await other.goto(`${stage.browserAddress}/form`);
    await other.setContent(
      '<form action="/digest" method="post" enctype="multipart/form-data"><input type="file" name="file"><button>go</button></form>',
    );
    await other.setInputFiles('input', upload);
    await Promise.all([other.waitForURL('**/digest'), other.click('button')]);
    const told = JSON.parse((await other.textContent('body')) ?? '');
    expect(told.bytes).toBeGreaterThan(20 * MEBIBYTE);
    expect(told.framing).toBe('length');
    await other.goto(stage.browserAddress);
    await other.setContent(`<a href="/file?bytes=${5 * MEBIBYTE}" download="saved.bin">save</a>`);
    const [download] = await Promise.all([other.waitForEvent('download'), other.click('a')]);
    expect(readFileSync((await download.path()) ?? '')).toHaveLength(5 * MEBIBYTE);
    await other.close();
  });
});
