import { afterEach, expect, test } from 'bun:test';
import type { ListeningSocket } from './listening-socket.ts';
import { adoptListeningSocket, closeListeningSocket, makeListeningSocket } from './listening-socket.ts';
import { openSockets } from './socket-set.ts';

const open: ListeningSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) closeListeningSocket(socket);
});

function listen(hostname: string, port = 0): ListeningSocket {
  const socket = makeListeningSocket({ hostname, port });
  open.push(socket);
  return socket;
}

test.each(['127.0.0.1', '0.0.0.0', '::1', '::', '0:0:0:0:0:0:0:1'])(
  '%s is bound as it is written',
  (hostname) => {
    const socket = listen(hostname);
    expect(socket.port).toBeGreaterThan(0);
    expect(socket.hostname).toBe(hostname.startsWith('0:') ? '::1' : hostname);
    expect(adoptListeningSocket(socket.fd)).toEqual(socket);
  },
);

test('both families share a port, for neither takes the other one in', () => {
  const { port } = listen('0.0.0.0');
  expect(listen('::', port).port).toBe(port);
});

test('a connection waits in the queue until somebody accepts on the descriptor', async () => {
  const { fd, port } = listen('127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<string>();
  const client = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: { data: (_socket, bytes) => resolve(bytes.toString()) },
  });
  const options = { fd, socket: { open: (socket: Bun.Socket) => void socket.write('late'), data: () => {} } };
  const listener = Bun.listen(options as unknown as Bun.TCPSocketListenOptions<undefined>);
  open.length = 0;
  expect(await promise).toBe('late');
  client.end();
  listener.stop(true);
});

test('a port that is taken is named, with what to do', () => {
  const { port } = listen('127.0.0.1');
  try {
    listen('127.0.0.1', port);
    throw new Error('it was not refused');
  } catch (error) {
    expect(error).toMatchObject({
      code: 'port_in_use',
      message: `port ${port} on 127.0.0.1 is held by another process`,
      hint: expect.stringContaining(`:${port}`),
    });
  }
});

test('what is no socket is not adopted', () => {
  expect(() => adoptListeningSocket(0)).toThrow('is no socket');
});

test('a set reuses what it inherits where that fits, and closes the rest', () => {
  const kept = { ...makeListeningSocket({ hostname: '127.0.0.1', port: 0 }), isTls: false };
  const unwanted = { ...makeListeningSocket({ hostname: '127.0.0.1', port: 0 }), isTls: false };
  const wanted = { httpHosts: ['127.0.0.1', '::1'], httpPort: kept.port, httpsPort: null };
  const set = openSockets(wanted, [unwanted, kept]);
  open.push(...set);
  expect(set.map(({ hostname, port }) => [hostname, port])).toEqual([
    ['127.0.0.1', kept.port],
    ['::1', kept.port],
  ]);
  expect(set[0]).toEqual(kept);
  expect(() => listen('127.0.0.1', unwanted.port)).not.toThrow();
});

test('a set that cannot be whole leaves nothing open', () => {
  const taken = listen('::1');
  const wanted = { httpHosts: ['127.0.0.1', '::1'], httpPort: taken.port, httpsPort: null };
  expect(() => openSockets(wanted, [])).toThrow('held by another');
  expect(() => listen('127.0.0.1', taken.port)).not.toThrow();
});

test('sockets for TLS come last, and one that was for something else is not reused for it', () => {
  const plain = { ...makeListeningSocket({ hostname: '127.0.0.1', port: 0 }), isTls: false };
  const tls = { ...makeListeningSocket({ hostname: '127.0.0.1', port: 0 }), isTls: true };
  const set = openSockets({ httpHosts: ['127.0.0.1'], httpPort: 0, httpsPort: 0 }, [tls, plain]);
  open.push(...set);
  expect(set).toEqual([plain, tls]);
  const swapped = { httpHosts: ['127.0.0.1'], httpPort: tls.port, httpsPort: plain.port };
  const next = openSockets(swapped, set);
  open.splice(0, 2);
  open.push(...next);
  expect(next.map(({ port, isTls }) => [port, isTls])).toEqual([
    [tls.port, false],
    [plain.port, true],
  ]);
});

test('a port for HTTPS that is taken names its own setting, and leaves nothing open', () => {
  const taken = listen('127.0.0.1');
  const free = listen('127.0.0.1');
  closeListeningSocket(free);
  open.pop();
  const wanted = { httpHosts: ['127.0.0.1'], httpPort: free.port, httpsPort: taken.port };
  try {
    openSockets(wanted, []);
    throw new Error('it was not refused');
  } catch (error) {
    expect(error).toMatchObject({ code: 'port_in_use', hint: expect.stringContaining('--https-port') });
  }
  expect(() => listen('127.0.0.1', free.port)).not.toThrow();
});
