import { afterAll, beforeAll, expect, test } from 'bun:test';
import { helloServerPath } from './index.ts';

let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;
let url: string;

beforeAll(async () => {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  const { port } = probe;
  probe.stop(true);
  const env = {
    PORT: String(port),
    K_SERVICE: '<hello>',
    K_REVISION: 'hello-00002',
    LUMA_INSTANCE_ID: 'i-9',
  };
  server = Bun.spawn({
    cmd: [process.execPath, helloServerPath, '127.0.0.1'],
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  // Its first line says that it listens.
  await server.stdout.getReader().read();
  url = `http://127.0.0.1:${port}/`;
});
afterAll(async () => {
  server.kill('SIGKILL');
  await server.exited;
});

test('tells curl in plain text who answers', async () => {
  const response = await fetch(url, { headers: { accept: '*/*' } });
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const text = await response.text();
  for (const fact of ['<hello>', 'hello-00002', 'i-9']) expect(text).toContain(fact);
});

test('tells a browser the same as a page, with nothing unescaped', async () => {
  const response = await fetch(url, { headers: { accept: 'text/html,*/*;q=0.8' } });
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const page = await response.text();
  expect(page).toContain('&lt;hello&gt;');
  expect(page).not.toContain('<hello>');
});

test('ends at once, and well, on SIGTERM', async () => {
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
});
