/** Large bodies, slow readers and abrupt ends over real sockets: nothing is changed, nothing piles up, nothing stays. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { EdgeFixture, eventually } from './edge.fixture.ts';

const MEBIBYTE = 1024 * 1024;
/** One block of noise; streams are slices of it at changing offsets. */
const noise = randomBytes(4 * MEBIBYTE);

let fixture: EdgeFixture;
let server: Server;
beforeEach(() => {
  fixture = new EdgeFixture();
});
afterEach(async () => {
  fixture.close();
  server?.closeAllConnections();
  server?.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, watched: 0 });
});

async function serve(listener: Parameters<typeof createServer>[1]): Promise<number> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

/** Sends `size` bytes in pieces of changing length, returns the hash of what came back. */
function echo(size: number, seed: number, isChunked: boolean): Promise<{ sent: string; received: string }> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { Host: 'app.test' };
    if (!isChunked) headers['Content-Length'] = String(size);
    const outgoing = request({
      host: '127.0.0.1',
      port: fixture.port,
      method: 'POST',
      headers,
      agent: false,
    });
    const sent = createHash('sha256');
    const received = createHash('sha256');
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      response.on('data', (bytes: Buffer) => received.update(bytes));
      response.on('error', reject);
      response.on('end', () => resolve({ sent: sent.digest('hex'), received: received.digest('hex') }));
    });
    let left = size;
    let step = seed;
    const push = (): void => {
      while (left > 0) {
        step = (step * 48_271) % 2_147_483_647;
        const length = Math.min(left, 1 + (step % 70_000));
        const piece = noise.subarray(
          step % (noise.length - length),
          (step % (noise.length - length)) + length,
        );
        sent.update(piece);
        left -= length;
        if (!outgoing.write(piece)) {
          outgoing.once('drain', push);
          return;
        }
      }
      outgoing.end();
    };
    push();
  });
}

test('40 connections echo a megabyte each, by length and in chunks, unchanged', async () => {
  fixture.serve([
    await serve((incoming, response) => {
      const length = incoming.headers['content-length'];
      if (length !== undefined) response.setHeader('Content-Length', length);
      incoming.pipe(response);
    }),
  ]);
  const echoes = Array.from({ length: 40 }, (_, index) =>
    echo(MEBIBYTE + index * 977, index + 1, index % 2 === 0),
  );
  for (const { sent, received } of await Promise.all(echoes)) expect(received).toBe(sent);
}, 30_000);

test('a reader that stops costs a bounded amount of memory', async () => {
  const size = 256 * MEBIBYTE;
  let pushed = 0;
  fixture.serve([
    await serve((_incoming, response) => {
      response.setHeader('Content-Length', size);
      const push = (): void => {
        while (pushed < size && !response.destroyed) {
          pushed += noise.length;
          if (!response.write(noise)) {
            response.once('drain', push);
            return;
          }
        }
        response.end();
      };
      push();
    }),
  ]);
  const socket = await openSocket();
  socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  let received = 0;
  socket.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  await eventually(() => received > 0);
  socket.pause();
  // Nothing moves any more: what the target could push stays the same over many turns of the loop.
  let settled = pushed;
  for (let turns = 0; turns < 200; turns++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (pushed !== settled) turns = 0;
    settled = pushed;
  }
  expect(pushed).toBeLessThan(32 * MEBIBYTE);
  socket.resume();
  await eventually(() => received >= size);
  socket.destroy();
  await eventually(() => fixture.edge.stats().clients === 0);
}, 30_000);

test('300 abrupt disconnects at random moments leave nothing behind', async () => {
  const atTarget = new Set<Socket>();
  const port = await fixture.upstream((socket) => {
    atTarget.add(socket);
    socket.on('close', () => atTarget.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      const dice = bytes.length % 3;
      if (dice === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\npart');
      else if (dice === 1) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n');
      else socket.resetAndDestroy();
    });
  });
  fixture.serve([port]);
  for (let round = 0; round < 300; round++) {
    const socket = await openSocket();
    const body = round % 2 === 0 ? 'Content-Length: 50\r\n\r\nsome' : '\r\n';
    socket.write(`POST /${'x'.repeat(round % 7)} HTTP/1.1\r\nHost: app.test\r\n${body}`);
    const turns = round % 12;
    for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    if (round % 3 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  await eventually(() => fixture.edge.stats().clients === 0);
  fixture.shut();
  await eventually(() => atTarget.size === 0);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
}, 30_000);

test('200 requests held for one start are all answered', async () => {
  const port = await serve((_incoming, response) => response.end('awake'));
  fixture.put({ targets: [] });
  const answers = Array.from({ length: 200 }, () => get());
  await eventually(() => fixture.totals().held === 200);
  expect(fixture.wakes).toEqual(['app']);
  fixture.serve([port]);
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['awake']));
});

function get(): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: fixture.port,
      headers: { Host: 'app.test' },
      agent: false,
    } as const;
    const outgoing = request(options, (response) => {
      let text = '';
      response.on('data', (bytes: Buffer) => {
        text += bytes.toString();
      });
      response.on('end', () => resolve(text));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function openSocket(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(fixture.port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => socket.destroy());
  });
}
