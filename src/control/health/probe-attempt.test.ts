import { afterEach, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import { ManualClock } from '../../base/manual-clock.ts';
import type { ProbeCheck } from '../../domain/probe.ts';
import type { ExecOutcome } from '../../runtimes/contract.ts';
import { ask } from './probe-attempt.ts';

let server: Server | null = null;
const sockets: Socket[] = [];
afterEach(() => {
  server?.close();
  server = null;
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function listen(serve: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

interface Asked {
  readonly clock?: ManualClock;
  readonly signal?: AbortSignal;
  readonly outcome?: ExecOutcome;
  readonly readiness?: 'connect' | 'request';
}

function asked(check: ProbeCheck, port: number, more: Asked = {}): Promise<string | null> {
  const { clock = systemClock, signal = new AbortController().signal, readiness = 'connect' } = more;
  const exec = async (): Promise<ExecOutcome> => more.outcome ?? { code: 0, output: '' };
  const address = { host: '127.0.0.1', port, readiness };
  return ask({ clock, runtime: { exec } }, { instanceId: 'i-1', address, check, timeoutMs: 1_000, signal });
}

const get: ProbeCheck = { kind: 'http_get', path: '/live?deep=1', port: null, headers: {} };
const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.end(text));

describe('an http_get', () => {
  test('sends one GET of its own with the headers that it names', async () => {
    let request = '';
    const port = await listen((socket) => {
      socket.on('data', (bytes) => {
        request += bytes.toString();
        socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    });
    expect(await asked({ ...get, headers: { host: 'shop.test', 'X-Key': 'a b' } }, port)).toBeNull();
    expect(request).toBe(
      'GET /live?deep=1 HTTP/1.1\r\nUser-Agent: luma-probe\r\nAccept: */*\r\nhost: shop.test\r\nX-Key: a b\r\nConnection: close\r\n\r\n',
    );
  });

  test.each([
    ['HTTP/1.1 200 OK\r\n\r\n', null],
    ['HTTP/1.0 299 \r\n\r\n', null],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', null],
    ['HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 Oh\r\n\r\n', 'answered with status 500'],
    ['HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n', 'answered with status 301'],
    ['HTTP/1.1 503 Not Yet\r\n\r\n', 'answered with status 503'],
    ['SSH-2.0-OpenSSH\r\n', 'its answer is no HTTP'],
    ['HTTP/1.1 2', 'the connection ended without an answer'],
    ['', 'the connection ended without an answer'],
  ])('that hears %j finds: %p', async (text, reason) => {
    const port = await listen(answering(text));
    expect(await asked(get, port)).toBe(reason === null ? null : `GET /live?deep=1: ${reason}`);
  });

  test('whose answer comes byte by byte is the same', async () => {
    const port = await listen((socket) => {
      socket.on('data', () => {
        for (const byte of 'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n\r\n') socket.write(byte);
      });
    });
    expect(await asked(get, port)).toBeNull();
  });

  test('that floods is no HTTP', async () => {
    const port = await listen((socket) => void socket.on('data', () => socket.write('x'.repeat(70_000))));
    expect(await asked(get, port)).toBe('GET /live?deep=1: its answer is no HTTP');
  });

  test('that is not answered in time says so', async () => {
    const clock = new ManualClock();
    const connected = Promise.withResolvers<void>();
    const port = await listen((socket) => void socket.on('data', () => connected.resolve()));
    const answer = asked(get, port, { clock });
    await connected.promise;
    await clock.advance(1_000);
    expect(await answer).toBe('GET /live?deep=1: no answer within 1 s');
  });

  test('goes to the port that it names', async () => {
    const port = await listen(answering('HTTP/1.1 500 No\r\n\r\n'));
    expect(await asked({ ...get, port }, 1)).toBe(
      `GET /live?deep=1 on port ${port}: answered with status 500`,
    );
  });

  test('that is called off closes its connection, and tells only that', async () => {
    const gone = Promise.withResolvers<void>();
    const connected = Promise.withResolvers<void>();
    const port = await listen((socket) => {
      socket.on('data', () => connected.resolve());
      socket.on('close', () => gone.resolve());
    });
    const control = new AbortController();
    const answer = asked(get, port, { signal: control.signal }).catch((reason: unknown) => reason);
    await connected.promise;
    const reason = new Error('it goes to sleep');
    control.abort(reason);
    expect(await answer).toBe(reason);
    await gone.promise;
  });
});

describe('a tcp_socket', () => {
  test('is content with a connection', async () => {
    const port = await listen(() => undefined);
    expect(await asked({ kind: 'tcp_socket', port: null }, port)).toBeNull();
  });

  test('says who refused it', async () => {
    const port = await listen(() => undefined);
    server?.close();
    expect(await asked({ kind: 'tcp_socket', port }, 1)).toBe(
      `a connection to port ${port}: the connection was refused`,
    );
  });

  test('wants an answer where something accepts before the app does', async () => {
    const port = await listen((socket) => socket.end());
    const more = { readiness: 'request' } as const;
    expect(await asked({ kind: 'tcp_socket', port: null }, port, more)).toBe(
      'a connection: the connection ended without an answer',
    );
  });
});

describe('an exec', () => {
  const check: ProbeCheck = { kind: 'exec', command: ['/bin/check', '-v'] };

  test.each([
    [{ code: 0, output: 'noise' }, null],
    [{ code: 3, output: 'no database\n' }, 'the command /bin/check: ended with 3, and said: no database'],
    [{ code: 1, output: '' }, 'the command /bin/check: ended with 1'],
    [{ code: null, output: '' }, 'the command /bin/check: was not over within 1 s'],
  ])('that ends as %p finds: %p', async (outcome, reason) => {
    expect(await asked(check, 1, { outcome })).toBe(reason);
  });
});
