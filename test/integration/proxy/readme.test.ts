/** The README's part on luma-proxy alone, as it stands but for the ports. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, ProxyFixture } from './proxy-fixture.ts';

const root = resolve(import.meta.dir, '../../..');
const blocks = [
  ...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/<!-- run: proxy -->\n```sh\n([\s\S]*?)```/g),
].map(([, block = '']) => block);

let proxy: ProxyFixture;
let apps: readonly App[];
beforeAll(async () => {
  proxy = new ProxyFixture();
  apps = [new App('one'), new App('two')];
  await proxy.start();
});
afterAll(async () => {
  for (const app of apps) await app.stop();
  await proxy.dispose();
});

test('every command of it works', async () => {
  const ports = { 8080: proxy.port, 3000: apps[0]!.port, 3001: apps[1]!.port };
  let said = '';
  for (const block of blocks) {
    const text = Object.entries(ports).reduce((all, [from, to]) => all.replaceAll(from, String(to)), block);
    const child = Bun.spawn(['sh', '-eu', '-c', text], {
      cwd: root,
      env: { ...process.env, LUMA_PROXY_SOCKET_PATH: proxy.socketPath },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, text, err]).toMatchObject([0, text, expect.anything()]);
    said += out;
  }
  expect(said).toContain(`shop serves shop.localhost from 127.0.0.1:${ports[3000]}\none`);
  expect(said).toContain(`drained 127.0.0.1:${ports[3000]}`);
  expect(said).toContain('shop is paused: requests wait up to 2m');
  expect(said).toContain('shop is removed');
}, 30_000);
