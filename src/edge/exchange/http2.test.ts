import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Socket } from 'node:net';
import {
  ERROR,
  FLAG,
  FRAME,
  frame,
  goAwayFrame,
  numberFrame,
  PREFACE,
  settingsFrame,
} from '../http2/frames.ts';
import { answering, EdgeFixture, eventually } from './edge.fixture.ts';
import { blockOf, FrameClient, GET, headers, POST } from './http2.fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-App: yes\r\n\r\nok';

let fixture: EdgeFixture;
let client: FrameClient;

async function serving(
  serve: (socket: Socket) => void,
  limits: ConstructorParameters<typeof EdgeFixture>[0] = {},
): Promise<void> {
  fixture = new EdgeFixture(limits);
  fixture.serve([await fixture.upstream(serve)]);
  client = await FrameClient.open(fixture.port);
}

/** Gathers everything an upstream gets, and lets the test answer. */
function recording(): { sockets: Socket[]; text: () => string; serve: (socket: Socket) => void } {
  const sockets: Socket[] = [];
  let input = '';
  const serve = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => {
      input += bytes.toString('latin1');
    });
  };
  return { sockets, text: () => input, serve };
}

beforeEach(() => {
  fixture = new EdgeFixture();
});

afterEach(async () => {
  client.socket.destroy();
  await eventually(() => fixture.edge.stats().clients === 0);
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0 });
  expect(fixture.totals(1)).toMatchObject({ inFlight: 0, held: 0 });
  expect(fixture.bugs).toEqual([]);
  fixture.close();
  expect(fixture.edge.stats().watched).toBe(0);
});

test('a request is passed on as HTTP/1.1, with fresh forwarding fields and one cookie', async () => {
  const seen: string[] = [];
  await serving(answering(OK, seen));
  client.head(1, [
    ...Object.entries({ ...GET, ':path': '/x?y=1' }),
    ['cookie', 'a=1'],
    ['x-forwarded-for', '9.9.9.9'],
    ['accept', '*/*'],
    ['cookie', 'b=2'],
    ['x-request-id', 'abc-1'],
  ]);
  expect(await client.answer(1)).toMatchObject({
    status: 200,
    body: 'ok',
    fields: { 'x-app': 'yes', 'content-length': '2' },
  });
  expect(seen).toEqual([
    'GET /x?y=1 HTTP/1.1\r\nhost: app.test\r\naccept: */*\r\ncookie: a=1; b=2\r\nX-Forwarded-For: 127.0.0.1\r\n' +
      'X-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\nX-Request-ID: abc-1\r\n\r\n',
  ]);
  expect(fixture.totals(1)).toEqual({ inFlight: 0, held: 0, ends: 1 });
});

test('requests of one connection run side by side', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  for (const id of [1, 3, 5]) client.head(id, { ...GET, ':path': `/${id}` });
  await eventually(() => upstream.sockets.length === 3 && fixture.totals(1).inFlight === 3);
  upstream.sockets[2]?.write(OK);
  expect(await client.answer(5)).toMatchObject({ status: 200 });
  for (const socket of upstream.sockets) socket.write(OK);
  await client.answer(1);
  await client.answer(3);
});

test('a body without a length goes out in chunks, with its trailers', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, { ...POST, te: 'trailers' }, false);
  client.data(1, 'hello', false);
  await eventually(() => upstream.text().endsWith('5\r\nhello\r\n'));
  client.head(1, { 'x-sum': '1', 'content-length': '9' });
  await eventually(() => upstream.text().endsWith('0\r\nx-sum: 1\r\n\r\n'));
  expect(upstream.text()).toContain('Transfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n');
  upstream.sockets[0]?.write(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  );
  expect(await client.answer(1)).toMatchObject({ status: 200, body: 'abc', trailers: { 'x-t': '1' } });
});

test('interim answers come first', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, { ...POST, 'content-length': '2', expect: '100-continue' }, false);
  await eventually(() => upstream.text().includes('Expect: 100-continue'));
  upstream.sockets[0]?.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  await client.until(() => client.of(1, FRAME.headers).length === 2);
  client.data(1, 'hi');
  await eventually(() => upstream.text().endsWith('hi'));
  upstream.sockets[0]?.write(OK);
  expect(await client.answer(1)).toMatchObject({ status: 200 });
  expect(client.of(1, FRAME.headers).map(({ fields }) => fields[':status'])).toEqual(['100', '103', '200']);
});

test.each([
  ['less than was declared', ['hello'], true],
  ['more than was declared', ['hello, world'], false],
])('a body of %s is malformed', async (_name, pieces, isEnd) => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, { ...POST, 'content-length': '8' }, false);
  for (const piece of pieces) client.data(1, piece, isEnd);
  expect(await client.ended(1)).toBe(ERROR.protocol);
  await eventually(() =>
    upstream.sockets.every((socket) => socket.destroyed || socket.readableEnded || socket.closed),
  );
});

test('a declared body that never comes is malformed before anybody hears of it', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, { ...POST, 'content-length': '8' });
  expect(await client.ended(1)).toBe(ERROR.protocol);
  expect(upstream.sockets).toEqual([]);
});

test('an answer that comes before the body is complete ends the stream without an error', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, POST, false);
  client.data(1, 'hello', false);
  await eventually(() => upstream.text().includes('hello'));
  upstream.sockets[0]?.write('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno');
  expect(await client.answer(1)).toMatchObject({ status: 403, body: 'no' });
  expect(await client.ended(1)).toBe(ERROR.none);
});

test('a request that is reset is aborted at its target', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, GET);
  await eventually(() => upstream.sockets.length === 1);
  const isOver = new Promise((resolve) => upstream.sockets[0]?.once('close', resolve));
  client.reset(1);
  await isOver;
  await eventually(() => fixture.totals(1).inFlight === 0);
});

test('an answer that breaks off is reset, and the connection goes on', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, GET);
  await eventually(() => upstream.sockets.length === 1);
  upstream.sockets[0]?.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  expect(await client.ended(1)).toBe(ERROR.internal);
  client.head(3, { ...GET, ':authority': 'nobody.test' });
  expect(await client.answer(3)).toMatchObject({ status: 404, fields: { 'x-luma-error': 'unknown_host' } });
});

test('HEAD, 204 and 304 have no body', async () => {
  await serving((socket) =>
    socket.on('data', (bytes: Buffer) => {
      const isHead = bytes.toString().startsWith('HEAD');
      socket.write(
        isHead ? 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n' : 'HTTP/1.1 204 No Content\r\n\r\n',
      );
    }),
  );
  client.head(1, { ...GET, ':method': 'HEAD' });
  expect(await client.answer(1)).toMatchObject({ status: 200, body: '', fields: { 'content-length': '99' } });
  client.head(3, GET);
  expect(await client.answer(3)).toMatchObject({ status: 204, body: '' });
});

test('a held request is answered when its service opens, and no more than 16 KB of its body is asked for', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  fixture.shut();
  client.send(frame(FRAME.settings, FLAG.ack, 0));
  client.head(1, POST, false);
  client.data(1, Buffer.alloc(16_000, 'x'), false);
  await eventually(() => fixture.totals(1).held === 1 && fixture.wakes.length === 1);
  client.send(frame(FRAME.ping, 0, 0, Buffer.from('still me')));
  await client.until(() => client.of(0, FRAME.ping).length === 1);
  expect(client.of(1)).toEqual([]);
  fixture.open();
  await client.came(FRAME.windowUpdate, 1);
  client.data(1, 'end');
  await eventually(() => upstream.text().endsWith('0\r\n\r\n'));
  upstream.sockets[0]?.write(OK);
  expect(await client.answer(1)).toMatchObject({ status: 200 });
});

test('who sends more than was allowed is told', async () => {
  await serving(recording().serve);
  fixture.shut();
  client.send(frame(FRAME.settings, FLAG.ack, 0));
  client.head(1, POST, false);
  client.data(1, Buffer.alloc(16_384), false);
  client.data(1, 'x', false);
  expect(await client.ended(1)).toBe(ERROR.flowControl);
});

test('an answer waits for the windows that the client gives', async () => {
  const upstream = recording();
  fixture.close();
  await serving(upstream.serve);
  client.socket.destroy();
  client = await FrameClient.open(fixture.port, [[4, 10]]);
  client.head(1, GET);
  await eventually(() => upstream.sockets.length === 1);
  upstream.sockets[0]?.write(`HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n${'x'.repeat(25)}`);
  const came = (): number => client.of(1, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0);
  await client.until(() => came() === 10);
  client.window(1, 5);
  await client.until(() => came() === 15);
  client.send(settingsFrame([[4, 20]]));
  await client.until(() => came() === 25);
  expect((await client.answer(1)).body).toBe('x'.repeat(25));
});

test('a client that takes nothing of its answer is reset in time', async () => {
  const upstream = recording();
  await serving(upstream.serve, { clientStalledMs: 50 });
  client.socket.destroy();
  client = await FrameClient.open(fixture.port, [[4, 0]]);
  client.head(1, GET);
  await eventually(() => upstream.sockets.length === 1);
  const isOver = new Promise((resolve) => upstream.sockets[0]?.once('close', resolve));
  upstream.sockets[0]?.write(`HTTP/1.1 200 OK\r\nContent-Length: 2500000\r\n\r\n${'x'.repeat(2_500_000)}`);
  expect(await client.ended(1)).toBe(ERROR.cancel);
  await isOver;
});

test('a timeout of the app is 504, and of the client 408', async () => {
  await serving(recording().serve, { requestBodyIdleMs: 30 });
  fixture.put({ targets: [], responseTimeoutMs: 30 });
  fixture.serve([await fixture.upstream(() => undefined)], { responseTimeoutMs: 30 });
  client.head(1, GET);
  expect(await client.answer(1)).toMatchObject({ status: 504 });
  client.head(3, POST, false);
  expect(await client.answer(3)).toMatchObject({ status: 408 });
});

test('a WebSocket is opened by an extended CONNECT, and each side ends for itself', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  expect((await client.came(FRAME.settings)).payload.toString('hex')).toContain('000800000001');
  client.head(
    1,
    { ...GET, ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' },
    false,
  );
  await eventually(() => upstream.text().includes('\r\n\r\n'));
  expect(upstream.text()).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n');
  expect(upstream.text()).toMatch(/sec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/);
  upstream.sockets[0]?.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst',
  );
  await client.until(() => client.of(1, FRAME.data).length === 1);
  expect((await client.came(FRAME.headers, 1)).fields).toEqual({ ':status': '200' });
  client.data(1, 'up', false);
  await eventually(() => upstream.text().endsWith('up'));
  const hasEnded = new Promise((resolve) => upstream.sockets[0]?.once('end', resolve));
  client.data(1, '', true);
  await hasEnded;
  expect(fixture.totals(1).inFlight).toBe(1);
  upstream.sockets[0]?.end('last');
  expect((await client.answer(1)).body).toBe('firstlast');
  await eventually(() => fixture.totals(1).inFlight === 0);
});

test.each([
  ['an unknown scheme', { ':scheme': 'ftp' }, 400],
  ['a fragment', { ':path': '/a#b' }, 400],
  ['a path that is none', { ':path': 'a' }, 400],
  ['a path with a space', { ':path': '/a b' }, 400],
  ['a host that contradicts the authority', { host: 'other.test' }, 400],
  ['an authority that is none', { ':authority': 'a b' }, 400],
  ['https where there is none', { ':scheme': 'https' }, 421],
  ['another protocol', { ':method': 'CONNECT', ':protocol': 'connect-udp' }, 501],
  ['two lengths in one', { 'content-length': '1, 1' }, 400],
  ['an expectation nobody knows', { expect: 'wonders' }, 417],
  ['TRACE for the last', { ':method': 'TRACE', 'max-forwards': '0' }, 405],
])('%s is refused as in HTTP/1.1', async (_name, fields, status) => {
  await serving(answering(OK));
  client.head(1, { ...GET, ...fields });
  expect((await client.answer(1)).status).toBe(status);
});

test('a CONNECT for a tunnel of its own is 405', async () => {
  await serving(answering(OK));
  client.head(1, { ':method': 'CONNECT', ':authority': 'app.test:443' });
  expect((await client.answer(1)).status).toBe(405);
});

test('too many fields are 431, and the connection goes on', async () => {
  await serving(answering(OK));
  const fields = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y']));
  client.head(1, { ...GET, ...fields });
  expect((await client.answer(1)).status).toBe(431);
  client.head(3, GET);
  expect((await client.answer(3)).status).toBe(200);
});

test('few bytes that stand for many fields are 431, and cost no more than their bytes', async () => {
  await serving(answering(OK));
  // A field of 3,900 bytes that goes into the table, then its index 10,000 times.
  const field = Buffer.concat([Buffer.from([0x40, 1, 120, 0x7f, 189, 29]), Buffer.alloc(3_900, 'y')]);
  const bomb = Buffer.concat([BLOCK, field, Buffer.alloc(10_000, 0xbe)]);
  client.send(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, bomb));
  expect((await client.answer(1)).status).toBe(431);
  client.send(
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 3, Buffer.concat([BLOCK, Buffer.of(0xbe)])),
  );
  expect((await client.answer(3)).status).toBe(200);
});

test('a malformed request ends its stream, and no other', async () => {
  await serving(answering(OK));
  client.head(1, { ...GET, 'X-Upper': '1' });
  client.head(3, { ...GET, connection: 'close' });
  client.head(5, { ...GET, 'x-a': 'b\r\nEvil: 1' });
  client.head(7, GET);
  for (const id of [1, 3, 5]) expect(await client.ended(id)).toBe(ERROR.protocol);
  expect((await client.answer(7)).status).toBe(200);
});

test.each<[string, Buffer, number]>([
  ['a first frame that is no SETTINGS', frame(FRAME.ping, 0, 0, Buffer.alloc(8)), ERROR.protocol],
])('%s ends the connection', async (_name, bytes, code) => {
  fixture = new EdgeFixture();
  client = await FrameClient.open(fixture.port, null);
  client.send(PREFACE, bytes);
  expect(await client.ended(0)).toBe(code);
  await client.closed();
});

const BLOCK = blockOf(GET);

test.each<[string, readonly Buffer[], number]>([
  ['a stream with an even number', [headers(2, GET)], ERROR.protocol],
  ['HEADERS without a stream', [headers(0, GET)], ERROR.protocol],
  ['DATA without a stream', [frame(FRAME.data, 0, 0, Buffer.from('x'))], ERROR.protocol],
  ['DATA of a stream nobody opened', [frame(FRAME.data, 0, 1, Buffer.from('x'))], ERROR.protocol],
  ['a reset of a stream nobody opened', [numberFrame(FRAME.rstStream, 1, 8)], ERROR.protocol],
  ['a window of a stream nobody opened', [numberFrame(FRAME.windowUpdate, 1, 8)], ERROR.protocol],
  ['a window that grows by nothing', [numberFrame(FRAME.windowUpdate, 0, 0)], ERROR.protocol],
  ['a window beyond the largest', [numberFrame(FRAME.windowUpdate, 0, 2 ** 31 - 1)], ERROR.flowControl],
  ['SETTINGS of another size', [frame(FRAME.settings, 0, 0, Buffer.alloc(5))], ERROR.frameSize],
  ['SETTINGS of a stream', [frame(FRAME.settings, 0, 1)], ERROR.protocol],
  ['a push that may be 2', [settingsFrame([[2, 2]])], ERROR.protocol],
  ['a window setting beyond the largest', [settingsFrame([[4, 2 ** 31]])], ERROR.flowControl],
  ['a frame size below the smallest', [settingsFrame([[5, 1]])], ERROR.protocol],
  ['a PING of another size', [frame(FRAME.ping, 0, 0, Buffer.alloc(7))], ERROR.frameSize],
  ['a GOAWAY of a stream', [frame(FRAME.goAway, 0, 1, Buffer.alloc(8))], ERROR.protocol],
  ['a push', [frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.alloc(8))], ERROR.protocol],
  ['a CONTINUATION of nothing', [frame(FRAME.continuation, FLAG.endHeaders, 1, BLOCK)], ERROR.protocol],
  [
    'a frame within a header block',
    [frame(FRAME.headers, 0, 1, BLOCK), frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
    ERROR.protocol,
  ],
  [
    'a header block that makes no sense',
    [frame(FRAME.headers, 5, 1, Buffer.from('80', 'hex'))],
    ERROR.compression,
  ],
  [
    'padding that is longer than its frame',
    [frame(FRAME.headers, 13, 1, Buffer.from('ff00', 'hex'))],
    ERROR.protocol,
  ],
  ['a frame that is too large', [frame(FRAME.data, 0, 1, Buffer.alloc(16_385))], ERROR.frameSize],
  [
    'a stream that depends on itself',
    [frame(FRAME.priority, 0, 3, Buffer.from('0000000310', 'hex'))],
    ERROR.protocol,
  ],
])('%s ends the connection', async (_name, frames, code) => {
  await serving(answering(OK));
  client.send(...frames);
  expect(await client.ended(0)).toBe(code);
  await client.closed();
});

test('a header block in pieces is one', async () => {
  await serving(answering(OK));
  client.send(
    frame(FRAME.headers, FLAG.endStream, 1, BLOCK.subarray(0, 5)),
    frame(FRAME.continuation, 0, 1, BLOCK.subarray(5, 9)),
    frame(FRAME.continuation, FLAG.endHeaders, 1, BLOCK.subarray(9)),
  );
  expect((await client.answer(1)).status).toBe(200);
});

test('any split of the bytes gives the same', async () => {
  const seen: string[] = [];
  await serving(answering(OK, seen));
  client.socket.destroy();
  client = await FrameClient.open(fixture.port, null);
  const bytes = Buffer.concat([PREFACE, settingsFrame([]), headers(1, GET), headers(3, GET)]);
  for (const byte of bytes) {
    client.send(Buffer.of(byte));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect((await client.answer(1)).status).toBe(200);
  expect((await client.answer(3)).status).toBe(200);
});

test('more streams than allowed are refused, and may be asked for again', async () => {
  const upstream = recording();
  await serving(upstream.serve, { http2StreamsMax: 2 });
  for (const id of [1, 3, 5]) client.head(id, GET);
  expect(await client.ended(5)).toBe(ERROR.refusedStream);
  await eventually(() => upstream.sockets.length === 2);
  for (const socket of upstream.sockets) socket.write(OK);
  await client.answer(1);
  await client.answer(3);
  client.head(7, GET);
  await eventually(() => upstream.text().split('GET').length === 4);
  for (const socket of upstream.sockets) socket.write(OK);
  expect((await client.answer(7)).status).toBe(200);
});

test('a drain lets streams finish, and takes what the client had sent before it heard', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, GET);
  await eventually(() => upstream.sockets.length === 1);
  const drained = fixture.edge.drain(5_000, 1_000);
  expect((await client.came(FRAME.goAway)).payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
  client.head(3, GET);
  await eventually(() => upstream.sockets.length === 2);
  client.send(frame(FRAME.ping, FLAG.ack, 0, (await client.came(FRAME.ping)).payload));
  await client.until(() => client.of(0, FRAME.goAway).length === 2);
  expect(client.of(0, FRAME.goAway)[1]?.payload.readUInt32BE(0)).toBe(3);
  client.head(5, GET);
  for (const socket of upstream.sockets) socket.write(OK);
  expect((await client.answer(1)).status).toBe(200);
  expect((await client.answer(3)).status).toBe(200);
  expect(client.of(5)).toEqual([]);
  await client.closed();
  expect(await drained).toEqual({ cut: 0 });
});

test('a client that says goodbye is closed after its last answer', async () => {
  const upstream = recording();
  await serving(upstream.serve);
  client.head(1, GET);
  client.send(goAwayFrame(0, 0, ''));
  await eventually(() => upstream.sockets.length === 1);
  upstream.sockets[0]?.write(OK);
  expect((await client.answer(1)).status).toBe(200);
  await client.closed();
});

test('an idle connection is closed with a word', async () => {
  await serving(answering(OK), { keepAliveIdleMs: 40 });
  client.head(1, GET);
  await client.answer(1);
  expect(await client.ended(0)).toBe(ERROR.none);
  await client.closed();
});

test('a client that begins and does not go on is cut', async () => {
  await serving(answering(OK), { requestHeadMs: 40 });
  client.send(frame(FRAME.headers, FLAG.endStream, 1, BLOCK));
  expect(await client.ended(0)).toBe(ERROR.cancel);
  await client.closed();
});
