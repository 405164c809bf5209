/** Chromium meets a project that sleeps: the waiting page leads to the app by itself, with scripts and without. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Browser, chromium } from 'playwright-core';
import { Luma } from '../e2e/luma.ts';

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
flags.push('--disable-background-networking', '--disable-component-update', '--disable-sync');

let luma: Luma;
let browser: Browser;

beforeAll(async () => {
  [luma, browser] = await Promise.all([
    Luma.start({ runtime: 'process' }),
    chromium.launch({ executablePath: Bun.which('chromium') ?? '/usr/bin/chromium', args: flags }),
  ]);
}, 60_000);
afterAll(async () => {
  await browser.close();
  await luma.stop();
}, 60_000);

test.each([true, false])(
  'a page that waits becomes the app, scripts on: %p',
  async (javaScriptEnabled) => {
    const name = javaScriptEnabled ? 'scripted' : 'plain';
    await luma.add({
      name,
      wait_mode: 'page',
      idle_timeout: 'never',
      env_vars: { BOOT_MS: '1500' },
    });
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const first = await page.goto(`http://${name}.localhost:${luma.httpPort}/some/page?x=1`);
    expect(first?.status()).toBe(503);
    expect(await page.title()).toBe(`Starting ${name}`);
    const app = await page.waitForResponse(
      (answer) => answer.request().method() === 'GET' && answer.status() === 200,
      { timeout: 20_000 },
    );
    expect(app.url()).toEndWith('/some/page?x=1');
    expect(await app.text()).toMatch(/^pid \d+ up/);
    // One look at the page, one question that is held, one reload: nothing is asked again and again.
    const documents = asked.filter((request) => request.endsWith('/some/page'));
    if (javaScriptEnabled) expect(documents).toEqual(['GET /some/page', 'HEAD /some/page', 'GET /some/page']);
    else expect(documents.length).toBeLessThanOrEqual(4);
    await context.close();
  },
  60_000,
);
