/** Every bound at its limit and beyond it, over real sockets; short limits stand for long ones. */
import { afterEach, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import { ManualClock } from '../../base/manual-clock.ts';
import { answering, EdgeFixture, eventually, type RawClient, targetOn } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n';
const MUTE = (): void => undefined;

let fixture: EdgeFixture;
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({
    clients: 0,
    exchanges: 0,
    held: 0,
    idleUpstream: 0,
    watched: 0,
  });
});

test('a head that does not end in time is 408', async () => {
  fixture = new EdgeFixture({ requestHeadMs: 20 });
  const client = await fixture.client();
  client.send('GET / HTTP/1.1\r\nHost: app');
  expect(await client.untilEnd()).toStartWith('HTTP/1.1 408 Request Timeout\r\n');
});

test('a head that comes one line at a time has no more time than one that stops', async () => {
  fixture = new EdgeFixture({ requestHeadMs: 30 });
  const client = await fixture.client();
  client.send('GET / HTTP/1.1\r\n');
  while (client.ending === null && client.received === '') {
    client.send('A: b\r\n');
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (client.received.length > 0) break;
  }
  expect(await client.untilEnd()).toMatch(/^HTTP\/1\.1 (408|431) /);
});

test('a connection without a request is closed without a word', async () => {
  fixture = new EdgeFixture({ keepAliveIdleMs: 150 });
  fixture.serve([await fixture.upstream(answering(OK))]);
  const fresh = await fixture.client();
  const used = await fixture.client();
  used.send(GET);
  expect(await used.untilEnd()).toBe(OK);
  expect(await fresh.untilEnd()).toBe('');
});

test('a body that stops coming is 408', async () => {
  fixture = new EdgeFixture({ requestBodyIdleMs: 20 });
  fixture.serve([await fixture.upstream(MUTE)]);
  const client = await fixture.client();
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhalf');
  expect(await client.untilEnd()).toStartWith('HTTP/1.1 408');
});

test('a body that drips is 408 as well, and one that comes slowly is not', async () => {
  fixture = new EdgeFixture({ requestBodyIdleMs: 400, requestBodyBytesPerSecondMin: 20_000 });
  fixture.serve([await fixture.upstream(MUTE)]);
  const [dripping, slow] = [await fixture.client(), await fixture.client()];
  for (const client of [dripping, slow]) {
    // What comes at once is no credit for later.
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(90_000)}`);
  }
  while (dripping.received === '') {
    dripping.send('x');
    slow.send('y'.repeat(5_000));
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  expect(await dripping.untilEnd()).toStartWith('HTTP/1.1 408');
  expect(slow.received).toBe('');
  slow.socket.destroy();
});

test('a target that stops taking a body has the time of its answer, and the client is not blamed', async () => {
  fixture = new EdgeFixture({ requestBodyIdleMs: 250 });
  const sockets: Socket[] = [];
  const port = await fixture.upstream((socket) => {
    sockets.push(socket.pause());
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString('latin1').endsWith('end')) socket.pause().write(OK);
    });
  });
  fixture.serve([port]);
  const post = (client: RawClient): void => {
    const body = `${'x'.repeat(8 * 1024 * 1024)}end`;
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  };
  const [patient, impatient] = [await fixture.client(), await fixture.client()];
  post(patient);
  await eventually(() => sockets.length === 1);
  const restedAt = performance.now() + 500;
  await eventually(() => performance.now() > restedAt);
  sockets[0]?.resume();
  await patient.untilContains('200 OK');
  fixture.put({ targets: [targetOn(port)], responseTimeoutMs: 20 });
  post(impatient);
  expect(await impatient.untilEnd()).toStartWith('HTTP/1.1 504');
  for (const socket of sockets) socket.destroy();
});

test('without a connection to be had a request waits for one, then hears that there are too many', async () => {
  fixture = new EdgeFixture({ upstreamConnectionsMax: 1, retryMs: 30 });
  const sockets: (() => void)[] = [];
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('end', () => socket.end());
      socket.on('data', () => sockets.push(() => socket.write(OK)));
    }),
  ]);
  const [first, second] = [await fixture.client(), await fixture.client()];
  first.send(GET);
  await eventually(() => sockets.length === 1);
  second.send(GET);
  expect(await second.untilContains('too_many_connections')).toStartWith('HTTP/1.1 503');
  second.received = '';
  second.send(GET);
  await eventually(() => fixture.edge.stats().exchanges === 2);
  sockets[0]?.();
  await first.untilContains('ok');
  await eventually(() => sockets.length === 2);
  sockets[1]?.();
  await second.untilContains('ok');
});

test('an answer that stops in the middle is cut', async () => {
  fixture = new EdgeFixture({ answerIdleMs: 20 });
  fixture.serve([
    await fixture.upstream((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
    ),
  ]);
  const client = await fixture.client();
  client.send(GET);
  expect(await client.untilEnd()).toEndWith('half');
});

test('a client that takes nothing is reset', async () => {
  fixture = new EdgeFixture({ clientStalledMs: 30 });
  const noise = Buffer.alloc(32 * 1024 * 1024);
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${noise.length}\r\n\r\n`);
        socket.write(noise);
      });
    }),
  ]);
  const client = await fixture.client();
  client.socket.pause();
  client.send(GET);
  await eventually(() => fixture.edge.stats().exchanges === 1);
  await eventually(() => fixture.edge.stats().exchanges === 0);
  expect(fixture.totals().ends).toBe(1);
});

test('a client that takes nothing is reset in time, also where more came behind what clogged', async () => {
  const clock = new ManualClock();
  fixture = new EdgeFixture({ clientStalledMs: 1_000 }, clock);
  let isFull = false;
  const port = await fixture.upstream((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const fill = (): void => {
        while (socket.write(chunk));
        isFull = true;
      };
      socket.on('drain', fill);
      fill();
    });
  });
  fixture.serve([port]);
  const client = await fixture.client();
  client.socket.pause();
  client.send(GET);
  await eventually(() => isFull);
  const restedAt = performance.now() + 200;
  await eventually(() => performance.now() > restedAt);
  await clock.advance(1_100);
  expect(fixture.edge.stats().exchanges).toBe(0);
});

test('one connection more than the limit is told so and closed', async () => {
  fixture = new EdgeFixture({ clientConnectionsMax: 2 });
  const first = await fixture.client();
  await fixture.client();
  await eventually(() => fixture.edge.stats().clients === 2);
  const third = await fixture.client();
  expect(await third.untilEnd()).toContain('too_many_connections');
  first.send('GET /luma-proxy-health HTTP/1.1\r\nHost: x.test\r\n\r\n');
  await first.untilContains('ok\n');
});

test('no more idle connections are kept than a target, and the worker, may have', async () => {
  fixture = new EdgeFixture({ idlePerTargetMax: 2 });
  let waiting = 0;
  const sockets: (() => void)[] = [];
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('end', () => socket.end());
      socket.on('data', () => {
        waiting++;
        sockets.push(() => socket.write(OK));
      });
    }),
  ]);
  const clients = [await fixture.client(), await fixture.client(), await fixture.client()];
  for (const client of clients) client.send(GET);
  await eventually(() => waiting === 3);
  for (const answer of sockets) answer();
  for (const client of clients) await client.untilContains('ok');
  expect(fixture.edge.stats().idleUpstream).toBe(2);
});

test('an idle upstream connection is closed after its time', async () => {
  fixture = new EdgeFixture({ upstreamIdleMs: 20 });
  fixture.serve([await fixture.upstream(answering(OK))]);
  const client = await fixture.client();
  client.send(GET);
  await client.untilContains('ok');
  expect(fixture.edge.stats().idleUpstream).toBe(1);
  await eventually(() => fixture.edge.stats().idleUpstream === 0);
});

test('a request that may not be repeated never takes an old connection', async () => {
  fixture = new EdgeFixture({ unsafeReuseIdleMs: -1 });
  let connections = 0;
  fixture.serve([
    await fixture.upstream((socket) => {
      connections++;
      answering(OK)(socket);
    }),
  ]);
  const client = await fixture.client();
  for (const method of ['GET', 'POST', 'GET']) {
    client.received = '';
    client.send(`${method} / HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    await client.untilContains('ok');
  }
  expect(connections).toBe(2);
});

test('a held request is read up to its limit and goes on whole', async () => {
  fixture = new EdgeFixture({ heldBodyBytesMax: 1_000 });
  const seen: string[] = [];
  const port = await fixture.upstream((socket) => {
    let input = '';
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      input += bytes.toString('latin1');
      if (!input.endsWith('end')) return;
      seen.push(input);
      socket.write(OK);
    });
  });
  fixture.put({ targets: [] });
  const client = await fixture.client();
  const body = `${'x'.repeat(300_000)}end`;
  client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await eventually(() => fixture.totals().held === 1);
  fixture.serve([port]);
  await client.untilContains('ok');
  expect(seen[0]?.endsWith(body)).toBe(true);
});

test('a tunnel with one silent end left is cut', async () => {
  fixture = new EdgeFixture({ tunnelHalfClosedMs: 20 });
  fixture.serve([
    await fixture.upstream((socket) => {
      socket.on('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
      );
    }),
  ]);
  const client = await fixture.client();
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await client.untilContains('101');
  client.socket.end();
  await client.untilEnd();
  expect(fixture.totals().ends).toBe(1);
});

test('a client that is slow to take the last answer gets all of it, however long that takes', async () => {
  fixture = new EdgeFixture({ lingerMs: 20 });
  // What the kernel takes at once, and what it leaves to the edge.
  const sizes = [1, 2, 3, 4, 5, 6].map((megabytes) => megabytes * 1_000_000);
  const port = await fixture.upstream((socket) => {
    socket.once('data', (head: Buffer) => {
      const size = Number(/\/(\d+) /.exec(head.toString('latin1'))?.[1]);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, 'x'));
    });
  });
  fixture.serve([port]);
  const clients = await Promise.all(sizes.map(() => fixture.client()));
  for (const [index, client] of clients.entries()) {
    client.socket.pause();
    // What follows a last request is thrown away, for as long as the connection lingers.
    client.send(`GET /${sizes[index]} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\nmore`);
  }
  await eventually(() => fixture.totals().ends > 0);
  const restedAt = performance.now() + 100;
  await eventually(() => performance.now() > restedAt);
  for (const { socket } of clients) socket.resume();
  const received = clients.map(async (client) => (await client.untilEnd()).split('\r\n\r\n')[1]?.length);
  expect(await Promise.all(received)).toEqual(sizes);
  for (const { socket } of clients) socket.end();
});
