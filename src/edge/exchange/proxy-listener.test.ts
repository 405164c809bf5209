/** A listener for PROXY headers over real sockets: who may speak there, and whom the target then sees. */
import { afterEach, expect, test } from 'bun:test';
import { answering, EdgeFixture, eventually } from './edge.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
/** Version 2, TCP over IPv4, from 203.0.113.9, with one extension. */
const BINARY = `${SIGNATURE}\x21\x11\x00\x10\xcb\x00\x71\x09\x0a\x00\x00\x01\x12\x34\x00\x50\x04\x00\x01\x00`;
const LOCAL = `${SIGNATURE}\x20\x00\x00\x00`;

let fixture: EdgeFixture;
let seen: string[];
afterEach(() => {
  fixture.close();
  expect(fixture.bugs).toEqual([]);
  expect(fixture.edge.stats()).toMatchObject({ clients: 0, exchanges: 0, watched: 0 });
});

async function listen(trustedProxies = ['127.0.0.1'], limits = {}): Promise<void> {
  fixture = new EdgeFixture(limits, undefined, { trustedProxies, usesProxyProtocol: true });
  seen = [];
  fixture.serve([await fixture.upstream(answering(OK, seen))]);
}

const clients = (): (string | undefined)[] => seen.map((head) => /X-Forwarded-For: (.*)\r\n/.exec(head)?.[1]);

test.each([
  ['PROXY TCP4 203.0.113.9 10.0.0.1 4660 80\r\n', '203.0.113.9'],
  ['PROXY TCP6 2001:DB8:0::5 ::1 4660 80\r\n', '2001:db8::5'],
  [BINARY, '203.0.113.9'],
  // It speaks for itself, and is trusted: what it forwards counts.
  [LOCAL, '1.1.1.1, 127.0.0.1'],
  ['PROXY UNKNOWN\r\n', '1.1.1.1, 127.0.0.1'],
])('%p makes the client %s', async (header, client) => {
  await listen();
  const connection = await fixture.client();
  connection.send(header + GET);
  await connection.untilContains('ok');
  connection.received = '';
  connection.send(GET);
  await connection.untilContains('ok');
  expect(clients()).toEqual([client, client]);
});

test('a header that comes byte by byte is the same', async () => {
  await listen();
  const connection = await fixture.client();
  for (const byte of BINARY + GET) {
    connection.send(byte);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await connection.untilContains('ok');
  expect(clients()).toEqual(['203.0.113.9']);
});

test.each([
  GET,
  'PROXY TCP4 1.1.1.1 2.2.2.2 1 x\r\n',
  `${SIGNATURE}\x31\x11\x00\x00`,
  `${SIGNATURE}\x21\x11\xff\xff`,
])('a connection that begins with %p is closed without a word', async (bytes) => {
  await listen();
  const connection = await fixture.client();
  connection.send(bytes);
  expect(await connection.untilEnd()).toBe('');
  expect(seen).toEqual([]);
  expect(fixture.edge.stats().turnedAway.byProxyHeader).toBe(1);
});

test('a second header is no request', async () => {
  await listen();
  const connection = await fixture.client();
  connection.send(LOCAL + LOCAL);
  expect(await connection.untilEnd()).toStartWith('HTTP/1.1 400');
});

test('a stranger is closed at once, whatever it would say', async () => {
  await listen(['10.0.0.0/8']);
  const connection = await fixture.client();
  expect(await connection.untilEnd()).toBe('');
  expect(fixture.edge.stats().turnedAway.byProxyHeader).toBe(1);
});

test('a header that does not end in time is closed without a word', async () => {
  await listen(undefined, { requestHeadMs: 20 });
  const [silent, slow] = [await fixture.client(), await fixture.client()];
  slow.send('PROXY TCP4 1.1');
  expect([await silent.untilEnd(), await slow.untilEnd()]).toEqual(['', '']);
  expect(fixture.edge.stats().turnedAway.byProxyHeader).toBe(2);
});

test('a drain waits for nobody who has said nothing yet', async () => {
  await listen();
  const connection = await fixture.client();
  await eventually(() => fixture.edge.stats().clients === 1);
  await fixture.edge.drain(60_000);
  expect(await connection.untilEnd()).toBe('');
});
