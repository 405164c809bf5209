/** What people really use goes through unchanged: WebSocket, fetch, server-sent events, curl. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { EdgeFixture, eventually } from './edge.fixture.ts';

let fixture: EdgeFixture;
let app: ReturnType<typeof serveApp>;
beforeEach(() => {
  fixture = new EdgeFixture();
  app = serveApp();
  const { port } = app;
  if (port === undefined) throw new Error('the app has no port');
  fixture.serve([port], { hosts: ['127.0.0.1'] });
});
afterEach(async () => {
  fixture.close();
  await app.stop(true);
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
});

function serveApp() {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === '/ws')
        return server.upgrade(request) ? undefined : new Response('no', { status: 400 });
      if (pathname === '/echo') return new Response(await request.arrayBuffer());
      if (pathname === '/events')
        return new Response(events(), { headers: { 'Content-Type': 'text/event-stream' } });
      return new Response(Bun.gzipSync(Buffer.from('hello'.repeat(1_000))), {
        headers: { 'Content-Encoding': 'gzip' },
      });
    },
    websocket: {
      message(socket, message) {
        socket.send(message);
      },
    },
  });
}

function events(): ReadableStream<Uint8Array> {
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(Buffer.from(`data: ${++count}\n\n`));
      if (count === 3) controller.close();
    },
  });
}

test('a WebSocket talks in both directions and counts until it closes', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${fixture.port}/ws`);
  const messages: string[] = [];
  const large = 'x'.repeat(300_000);
  socket.onopen = () => {
    socket.send('one');
    socket.send(large);
  };
  socket.onmessage = (event) => messages.push(String(event.data));
  await eventually(() => messages.length === 2);
  expect(messages).toEqual(['one', large]);
  expect(fixture.totals()).toEqual({ inFlight: 1, held: 0, ends: 0 });
  socket.close();
  await eventually(() => fixture.totals().ends === 1);
});

test('fetch uploads, and reads compressed bodies', async () => {
  const body = Buffer.alloc(3_000_000, 'abc');
  const echoed = await fetch(`http://127.0.0.1:${fixture.port}/echo`, { method: 'POST', body });
  expect(Buffer.from(await echoed.arrayBuffer()).equals(body)).toBe(true);
  const plain = await fetch(`http://127.0.0.1:${fixture.port}/`);
  expect(await plain.text()).toBe('hello'.repeat(1_000));
});

test('server-sent events arrive one by one', async () => {
  const response = await fetch(`http://127.0.0.1:${fixture.port}/events`);
  expect(await response.text()).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n');
});

test('curl sends a large body with Expect: 100-continue, and keeps its connection', async () => {
  const body = 'y'.repeat(2_000_000);
  const url = `http://127.0.0.1:${fixture.port}/echo`;
  const curl = Bun.spawn(['curl', '-sS', '-H', 'Expect: 100-continue', '--data-binary', '@-', url], {
    stdin: Buffer.from(body),
    stdout: 'pipe',
  });
  expect(await new Response(curl.stdout).text()).toBe(body);
  expect(await curl.exited).toBe(0);
});
