import { afterAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { linkAddress } from './link-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-link-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function hear(path: string): Promise<string> {
  const address = linkAddress(path);
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(address.url);
  socket.onmessage = (event) => resolve(String(event.data));
  socket.onclose = () => resolve('closed');
  const heard = await promise;
  address.release();
  socket.close();
  return heard;
}

for (const name of ['plain', 'a b', 'ü', 'x%20y', 'q?r#s', 'a:b', '[x]', "it's"]) {
  test(`finds the socket in a folder called ${name}`, async () => {
    const path = join(folder, name, 'proxy.sock');
    mkdirSync(dirname(path));
    const server = Bun.serve({
      unix: path,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no', { status: 400 })),
      websocket: { open: (socket) => void socket.send('welcome'), message: () => {} },
    });
    expect(await hear(path)).toBe('welcome');
    await server.stop(true);
  });
}

test('a path that leads nowhere is an error, and releasing twice closes nothing of others', () => {
  expect(() => linkAddress(join(folder, 'no such', 'socket'))).toThrow('ENOENT');
  const before = readdirSync('/proc/self/fd').length;
  const address = linkAddress(join(folder, 'a b'));
  address.release();
  address.release();
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});
