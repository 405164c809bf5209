import { afterEach, beforeEach, expect, test } from 'bun:test';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import type { Readiness } from '../routing/service-route.ts';
import { probeTarget } from './target-probe.ts';

let server: Server;
let sockets: Socket[];
let controller: AbortController;
beforeEach(() => {
  sockets = [];
  controller = new AbortController();
});
afterEach(() => {
  controller.abort();
  server.close();
  for (const socket of sockets) socket.destroy();
});

async function listen(serve: (socket: Socket) => void, port = 0): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

function probe(port: number, readiness: Partial<Readiness>): ReturnType<typeof probeTarget> {
  const full = { kind: 'request', path: null, timeoutMs: 1_000, ...readiness } as const;
  return probeTarget(
    { host: '127.0.0.1', port, readiness: full },
    { clock: systemClock, signal: controller.signal },
  );
}

test('a connection is enough where the readiness says so', async () => {
  const port = await listen(() => undefined);
  expect(await probe(port, { kind: 'connect' })).toMatchObject({ kind: 'answered' });
});

test('keeps trying until somebody listens', async () => {
  const port = await listen(() => undefined);
  server.close();
  await once(server, 'close');
  const outcome = probe(port, { kind: 'connect' });
  await listen(() => undefined, port);
  expect(await outcome).toMatchObject({ kind: 'answered' });
});

test('a port that accepts and says nothing has not answered a request', async () => {
  let requests = 0;
  const port = await listen((socket) => {
    socket.on('data', (bytes: Buffer) => {
      expect(bytes.toString()).toStartWith('GET / HTTP/1.1\r\nHost: 127.0.0.1:');
      if (++requests < 3) socket.destroy();
      else socket.end('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n');
    });
  });
  expect(await probe(port, {})).toMatchObject({ kind: 'answered' });
  expect(requests).toBe(3);
});

test('a health path must answer 2xx', async () => {
  let requests = 0;
  const port = await listen((socket) => {
    socket.on('data', (bytes: Buffer) => {
      expect(bytes.toString()).toStartWith('GET /healthy HTTP/1.1\r\n');
      socket.end(`HTTP/1.1 ${++requests < 3 ? 503 : 204} X\r\nContent-Length: 0\r\n\r\n`);
    });
  });
  expect(await probe(port, { path: '/healthy' })).toMatchObject({ kind: 'answered' });
  expect(requests).toBe(3);
});

test('an attempt that hangs is given up and made again', async () => {
  let connections = 0;
  const port = await listen((socket) => {
    const isFirst = ++connections === 1;
    socket.on('data', () => {
      if (!isFirst) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  expect(await probe(port, { timeoutMs: 20 })).toMatchObject({ kind: 'answered' });
  expect(connections).toBe(2);
});

test('ends when its signal says so', async () => {
  const port = await listen((socket) => {
    socket.on('data', () => controller.abort());
  });
  expect(await probe(port, {})).toEqual({ kind: 'aborted' });
  expect(await probe(port, {})).toEqual({ kind: 'aborted' });
});

test('asks at the port and with the headers that the check names, which take the place of its own', async () => {
  let request = '';
  const port = await listen((socket) => {
    socket.on('data', (bytes: Buffer) => {
      request += bytes.toString();
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  // Nobody listens on the target's own port.
  const outcome = await probe(1, { path: '/up', port, headers: { host: 'shop.test', 'X-Key': 'a' } });
  expect(outcome).toMatchObject({ kind: 'answered' });
  expect(request).toBe(
    'GET /up HTTP/1.1\r\nUser-Agent: luma-probe\r\nAccept: */*\r\nhost: shop.test\r\nX-Key: a\r\nConnection: close\r\n\r\n',
  );
});

test('a connection to another port is no connection to the target', async () => {
  const port = await listen(() => undefined);
  expect(await probe(1, { kind: 'connect', port })).toMatchObject({ kind: 'answered' });
});
