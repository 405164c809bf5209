/** What only an attacker sends over HTTP/2, against a live edge: it is cut, who stands beside it is served, nothing stays. */

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { answering, EdgeFixture, eventually } from '../../../src/edge/exchange/edge.fixture.ts';
import { FrameClient, GET, headers } from '../../../src/edge/exchange/http2.fixture.ts';
import { ERROR, FLAG, FRAME, frame, numberFrame, settingsFrame } from '../../../src/edge/http2/frames.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** What a flood may cost for as long as the test runs, far above noise and far below what it would take unbounded. */
const GROWTH_MB_MAX = 64;
/** Each of a hundred streams keeps one read of its target, half a megabyte, until it is cut. */
const UNREAD_ANSWERS_MB = 64;

let fixture: EdgeFixture;
let neighbour: FrameClient;
let rssBefore = 0;
let growthMbMax = GROWTH_MB_MAX;

beforeEach(async () => {
  fixture = new EdgeFixture({ requestHeadMs: 500, clientStalledMs: 500 });
  fixture.serve([await fixture.upstream(answering(OK))]);
  neighbour = await FrameClient.open(fixture.port);
  neighbour.head(1, GET);
  await neighbour.answer(1);
  Bun.gc(true);
  growthMbMax = GROWTH_MB_MAX;
  rssBefore = process.memoryUsage().rss;
});

afterEach(async () => {
  neighbour.head(3, GET);
  expect((await neighbour.answer(3)).status).toBe(200);
  expect(neighbour.isClosed).toBe(false);
  neighbour.socket.destroy();
  await eventually(() => fixture.edge.stats().clients === 0 && fixture.totals(1).inFlight === 0);
  expect(fixture.edge.stats()).toMatchObject({ exchanges: 0, held: 0 });
  expect(fixture.totals(2)).toMatchObject({ inFlight: 0, held: 0 });
  expect((process.memoryUsage().rss - rssBefore) / 1024 / 1024).toBeLessThan(growthMbMax);
  expect(fixture.bugs).toEqual([]);
  fixture.close();
});

/** Sends the same again and again, until the connection is cut or it has been sent so often. */
async function flood(
  attacker: FrameClient,
  next: (count: number) => Buffer,
  countMax: number,
): Promise<number> {
  const batch = 100;
  let count = 0;
  while (count < countMax && !attacker.isClosed) {
    const pieces = Array.from({ length: batch }, (_, index) => next(count + index));
    count += batch;
    const isTaken = attacker.socket.write(Buffer.concat(pieces));
    if (!isTaken && !attacker.isClosed) await drained(attacker);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return count;
}

function drained({ socket }: FrameClient): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', resolve);
  });
}

const PIECE = Buffer.alloc(64 * 1024, 'x');

/** An answer that has no end, as fast as it is taken. */
function pouring(socket: Socket): void {
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const pour = (): void => {
      while (!socket.destroyed && socket.write(PIECE));
    };
    socket.on('drain', pour);
    pour();
  });
}

const PING = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
const OPEN_BLOCK = frame(FRAME.headers, FLAG.endStream, 1, Buffer.of(0x82));

test.each<[string, (count: number) => Buffer]>([
  ['PING', () => PING],
  ['SETTINGS', () => settingsFrame([])],
  ['SETTINGS that change a window', (count) => settingsFrame([[4, 1 + (count % 100)]])],
  ['acknowledged SETTINGS', () => frame(FRAME.settings, FLAG.ack, 0)],
  ['WINDOW_UPDATE', () => numberFrame(FRAME.windowUpdate, 0, 1)],
  ['PRIORITY', (count) => frame(FRAME.priority, 0, 2 * count + 1, Buffer.alloc(5))],
  ['unknown frames', () => frame(0xfa, 0, 0)],
  [
    'empty DATA',
    (count) => (count === 0 ? headers(1, { ...GET, ':method': 'POST' }, false) : frame(FRAME.data, 0, 1)),
  ],
  ['empty CONTINUATION', (count) => (count === 0 ? OPEN_BLOCK : frame(FRAME.continuation, 0, 1))],
  [
    'rapid resets',
    (count) => Buffer.concat([headers(2 * count + 1, GET), numberFrame(FRAME.rstStream, 2 * count + 1, 8)]),
  ],
  [
    'requests that are malformed, to be reset',
    (count) => headers(2 * count + 1, { ...GET, connection: 'x' }),
  ],
  [
    'windows that overflow, to be reset',
    (count) =>
      Buffer.concat([
        headers(2 * count + 1, GET),
        numberFrame(FRAME.windowUpdate, 2 * count + 1, 2 ** 31 - 1),
      ]),
  ],
  [
    'DATA on closed streams',
    (count) => (count < 100 ? headers(2 * count + 1, GET) : frame(FRAME.data, 0, 1, Buffer.of(1))),
  ],
])('a flood of %s is cut', async (_name, next) => {
  const attacker = await FrameClient.open(fixture.port);
  const count = await flood(attacker, next, 20_000);
  await attacker.closed();
  expect(count).toBeLessThan(20_000);
});

test('CONTINUATION without an end is cut before it fills the memory', async () => {
  const attacker = await FrameClient.open(fixture.port);
  const piece = frame(FRAME.continuation, 0, 1, Buffer.alloc(16_000, 0x82));
  await flood(attacker, (count) => (count === 0 ? OPEN_BLOCK : piece), 1_000);
  await attacker.closed();
});

test('a client that asks and does not read is cut, and what is kept for it is bounded', async () => {
  const attacker = await FrameClient.open(fixture.port);
  await attacker.came(FRAME.settings);
  attacker.socket.pause();
  await flood(attacker, () => PING, 20_000);
  attacker.socket.resume();
  await attacker.closed();
});

test('a header block that never ends is cut in time', async () => {
  const attacker = await FrameClient.open(fixture.port);
  attacker.send(OPEN_BLOCK);
  expect(await attacker.ended(0)).toBe(ERROR.cancel);
  await attacker.closed();
});

test('a hundred large answers that nobody has a window for are reset in time', async () => {
  fixture.serve([await fixture.upstream(pouring)]);
  const attacker = await FrameClient.open(fixture.port, [[4, 0]]);
  const ids = Array.from({ length: 100 }, (_, index) => 2 * index + 1);
  attacker.send(...ids.map((id) => headers(id, GET)));
  for (const id of ids) expect(await attacker.ended(id)).toBe(ERROR.cancel);
  expect(fixture.totals(1).inFlight).toBe(0);
  attacker.socket.destroy();
  fixture.serve([await fixture.upstream(answering(OK))]);
}, 20_000);

test('a hundred large answers that nobody reads are cut in time', async () => {
  growthMbMax += UNREAD_ANSWERS_MB;
  fixture.serve([await fixture.upstream(pouring)]);
  const attacker = await FrameClient.open(fixture.port, [[4, 2 ** 31 - 1]]);
  await attacker.came(FRAME.settings);
  attacker.window(0, 2 ** 30);
  attacker.socket.pause();
  attacker.send(...Array.from({ length: 100 }, (_, index) => headers(2 * index + 1, GET)));
  await eventually(() => fixture.totals(1).ends > 1 && fixture.totals(1).inFlight === 0);
  attacker.socket.destroy();
  fixture.serve([await fixture.upstream(answering(OK))]);
}, 20_000);

test('garbage behind the preface is cut, however it looks', async () => {
  for (let round = 0; round < 100; round++) {
    const attacker = await FrameClient.open(fixture.port);
    const bytes = createHash('sha512').update(`${round}`).digest();
    attacker.socket.end(Buffer.concat([bytes, Buffer.alloc(20_000)]));
    await attacker.closed();
  }
});

test('a thousand streams that are aborted leave no count', async () => {
  fixture.serve([await fixture.upstream(() => undefined)]);
  for (let round = 0; round < 10; round++) {
    const client = await FrameClient.open(fixture.port);
    const ids = Array.from({ length: 100 }, (_, index) => 2 * index + 1);
    client.send(...ids.map((id) => headers(id, GET)));
    await eventually(() => fixture.totals(1).inFlight === 100);
    if (round % 2 === 0) client.send(...ids.map((id) => numberFrame(FRAME.rstStream, id, 8)));
    else client.socket.destroy();
    await eventually(() => fixture.totals(1).inFlight === 0 && fixture.edge.stats().exchanges === 0);
    client.socket.destroy();
  }
  expect(fixture.totals(1).ends).toBe(1_001);
  fixture.serve([await fixture.upstream(answering(OK))]);
});
