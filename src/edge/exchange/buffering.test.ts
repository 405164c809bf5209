/** Bodies that wait at the edge, over real sockets: requests until they are whole, answers until they are taken. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import { EdgeFixture, eventually, type RawClient } from './edge.fixture.ts';

let fixture: EdgeFixture;
let connections: Socket[];
/** All that the target got. */
let seen: string;

beforeEach(() => begin({}));
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  for (const row of [1, 2]) expect(fixture.totals(row)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0, watched: 0 });
});

function begin(limits: ConstructorParameters<typeof EdgeFixture>[0]): void {
  fixture = new EdgeFixture({ spoolMemoryBytesMax: 64 * 1024, ...limits });
  connections = [];
  seen = '';
}

async function target(answer: (socket: Socket) => void, isEnough: () => boolean): Promise<number> {
  return fixture.upstream((socket) => {
    connections.push(socket);
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      if (isEnough()) answer(socket);
    });
    socket.on('end', () => socket.end());
  });
}

const say = (text: string) => (socket: Socket) => {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
};
const head = (more: string): string => `POST /up HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;

async function begun(text: string): Promise<RawClient> {
  const client = await fixture.client();
  client.send(text);
  return client;
}

describe('a request whose service wants it whole', () => {
  test('opens no connection to its target, and is not in flight, until its last byte has come', async () => {
    fixture.serve([await target(say('ok'), () => seen.endsWith('end'))], { bufferRequests: true });
    const client = await begun(`${head('Content-Length: 100003\r\n')}${'x'.repeat(100_000)}`);
    client.send('en');
    await eventually(() => fixture.edge.stats().exchanges === 1);
    expect(connections).toEqual([]);
    expect(fixture.totals().inFlight).toBe(0);
    client.send('d');
    await client.untilContains('ok');
    expect(seen).toContain('Content-Length: 100003\r\n');
    expect(seen.split('\r\n\r\n')[1]).toBe(`${'x'.repeat(100_000)}end`);
  });

  test('keeps its connection for the next one', async () => {
    fixture.serve([await target(say('ok'), () => seen.endsWith('12345'))], { bufferRequests: true });
    const client = await begun(head('Content-Length: 5\r\n'));
    client.send(`12345${head('Content-Length: 5\r\n')}12345`);
    await client.until((received) => received.split('HTTP/1.1 200').length === 3);
    expect(connections).toHaveLength(1);
  });

  test('passes on chunks with their trailers', async () => {
    fixture.serve([await target(say('ok'), () => seen.endsWith('\r\nA: b\r\n\r\n'))], {
      bufferRequests: true,
    });
    const client = await begun(`${head('Transfer-Encoding: chunked\r\n')}3\r\nabc\r\n2\r\nde\r\n`);
    client.send('0\r\nA: b\r\n\r\n');
    await client.untilContains('ok');
    expect(seen).toEndWith('3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n');
  });

  test('is asked for by the edge itself where it waits for that, and the target is not asked again', async () => {
    fixture.serve([await target(say('ok'), () => seen.endsWith('12345'))], { bufferRequests: true });
    const client = await begun(head('Content-Length: 5\r\nExpect: 100-continue\r\n'));
    await client.untilContains('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('12345');
    await client.untilContains('ok');
    expect(seen).not.toContain('Expect');
  });

  test('wakes its service when it is whole, and is held like any other', async () => {
    const port = await target(say('ok'), () => seen.endsWith('12345'));
    fixture.put({ bufferRequests: true });
    const client = await begun(`${head('Content-Length: 5\r\n')}1234`);
    await eventually(() => fixture.edge.stats().exchanges === 1);
    expect(fixture.wakes).toEqual([]);
    client.send('5');
    await eventually(() => fixture.wakes.length === 1);
    fixture.serve([port], { bufferRequests: true });
    await client.untilContains('ok');
  });

  test('beyond what may be buffered is 413, as beyond the limit of its service', async () => {
    fixture.close();
    begin({ spoolBytesMax: 1_000 });
    fixture.serve([await target(say('ok'), () => true)], { bufferRequests: true });
    const chunked = head('Transfer-Encoding: chunked\r\n');
    const big = await begun(`${chunked}3e9\r\n${'x'.repeat(1_001)}\r\n0\r\n\r\n`);
    expect(await big.untilEnd()).toStartWith('HTTP/1.1 413 ');
    fixture.put({ bufferRequests: true, maxRequestBodyBytes: 10 });
    const small = await begun(`${chunked}b\r\n01234567890\r\n0\r\n\r\n`);
    expect(await small.untilEnd()).toStartWith('HTTP/1.1 413 ');
    expect(connections).toEqual([]);
  });

  test('that stops coming is 408, that is malformed 400, and the target hears of neither', async () => {
    fixture.close();
    begin({ requestBodyIdleMs: 30 });
    fixture.serve([await target(say('ok'), () => true)], { bufferRequests: true });
    const late = await begun(`${head('Content-Length: 5\r\n')}1`);
    expect(await late.untilEnd()).toStartWith('HTTP/1.1 408 ');
    const bad = await begun(`${head('Transfer-Encoding: chunked\r\n')}zz\r\n`);
    expect(await bad.untilEnd()).toStartWith('HTTP/1.1 400 ');
    expect(connections).toEqual([]);
  });

  test('whose client goes away leaves nothing', async () => {
    fixture.serve([await target(say('ok'), () => true)], { bufferRequests: true });
    const client = await begun(`${head('Content-Length: 200000\r\n')}${'x'.repeat(100_000)}`);
    await eventually(() => fixture.edge.stats().exchanges === 1);
    client.socket.destroy();
    await eventually(() => fixture.edge.stats().exchanges === 0);
    expect(connections).toEqual([]);
  });
});

describe('an answer that its client takes slowly', () => {
  const SIZE = 24 * 1024 * 1024;

  function tellMuch(socket: Socket): void {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    for (let index = 0; index < 16; index++) socket.write(Buffer.alloc(SIZE / 16, 97 + index));
  }

  test('frees its target, and comes whole all the same', async () => {
    const port = await target(tellMuch, () => seen.endsWith('\r\n\r\n'));
    fixture.serve([port], { bufferResponses: true });
    const client = await fixture.client();
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await eventually(() => fixture.totals(2).ends === 1);
    expect(fixture.totals(1)).toMatchObject({ inFlight: 0, ends: 1 });
    expect(fixture.edge.stats()).toMatchObject({ exchanges: 1, idleUpstream: 1 });
    client.socket.resume();
    const received = await client.until((text) => text.length >= SIZE);
    const body = received.slice(received.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBe(SIZE);
    for (let index = 0; index < 16; index++) expect(body.charCodeAt(index * (SIZE / 16))).toBe(97 + index);
    await eventually(() => fixture.edge.stats().exchanges === 0);
  }, 20_000);

  test('keeps its target waiting without the option', async () => {
    const port = await target(tellMuch, () => seen.endsWith('\r\n\r\n'));
    fixture.serve([port]);
    const client = await fixture.client();
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await eventually(() => connections[0]?.writableLength !== undefined && connections[0].writableLength > 0);
    expect(fixture.totals(2)).toMatchObject({ inFlight: 1, ends: 0 });
    client.socket.destroy();
    await eventually(() => fixture.edge.stats().exchanges === 0);
  });

  test('in chunks is delivered with its trailers, and the next request after it', async () => {
    const piece = 'y'.repeat(1024 * 1024);
    const answer = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (let index = 0; index < 12; index++) socket.write(`100000\r\n${piece}\r\n`);
      socket.write('0\r\nA: b\r\n\r\n');
      seen = '';
    };
    fixture.serve([await target(answer, () => seen.endsWith('\r\n\r\n'))], { bufferResponses: true });
    const client = await fixture.client();
    client.socket.pause();
    const ask = 'GET / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n';
    client.send(`${ask}${ask}`);
    await eventually(() => fixture.totals(2).ends === 1);
    client.socket.resume();
    await client.until((text) => text.split('\r\n0\r\nA: b\r\n\r\n').length === 3);
    expect(client.received.match(/y/g)).toHaveLength(24 * 1024 * 1024);
  }, 20_000);

  test('beyond what may be buffered lets its target wait after all', async () => {
    fixture.close();
    begin({ spoolBytesMax: 1024 * 1024 });
    fixture.serve([await target(tellMuch, () => seen.endsWith('\r\n\r\n'))], { bufferResponses: true });
    const client = await fixture.client();
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
    await eventually(() => (connections[0]?.writableLength ?? 0) > 0);
    expect(fixture.totals(2)).toMatchObject({ inFlight: 1, ends: 0 });
    client.socket.resume();
    await client.untilEnd();
    expect(client.received.length).toBeGreaterThan(SIZE);
  }, 20_000);

  test('whose client goes away leaves nothing', async () => {
    fixture.serve([await target(tellMuch, () => seen.endsWith('\r\n\r\n'))], { bufferResponses: true });
    const client = await fixture.client();
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await eventually(() => fixture.totals(2).ends === 1);
    client.socket.destroy();
    await eventually(() => fixture.edge.stats().exchanges === 0);
  });
});
