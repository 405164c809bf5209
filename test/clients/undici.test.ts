/** undici through the edge, on real Node. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { NodeProgram } from './node-program.ts';
import { Stage } from './stage.ts';

const MEBIBYTE = 1024 * 1024;
const stage = new Stage();
let client: NodeProgram;

beforeAll(async () => {
  [client] = await Promise.all([NodeProgram.build('undici.client.ts'), stage.start()]);
});
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  client.remove();
  await stage.stop();
});

const run = (name: string): Promise<unknown> => client.ask(stage.address, name);

test('uploads 20 MB as a buffer, as a stream and by fetch', async () => {
  expect(await run('uploads')).toEqual([
    ['length', 20 * MEBIBYTE, true],
    ['chunked', 20 * MEBIBYTE, true],
    ['chunked', 20 * MEBIBYTE, true],
  ]);
});

test('sends a form with a file and gets it back', async () => {
  expect(await run('form')).toEqual(['value', 'noise.bin', MEBIBYTE]);
});

test('downloads 50 MB, and a range of it', async () => {
  expect(await run('download')).toEqual({ isSame: true, range: [206, 5] });
});

test('decodes compressed bodies', async () => {
  expect(await run('compressed')).toEqual([500_000, 500_000, 500_000, 500_000]);
});

test('gets the answers of pipelined requests in order, on one connection', async () => {
  expect(await run('pipelining')).toEqual({ connections: 1, areRight: true });
});

test('waits for a slow answer before those behind it', async () => {
  expect(await run('pipelined behind a slow one')).toEqual([
    '/poll?channel=undici-slow',
    '/seen?second',
    '/seen?third',
  ]);
});

test('sends two hundred requests over the four connections of a pool', async () => {
  expect(await run('pool')).toEqual({ connections: 4, statuses: [200] });
});

test('waits for 100 Continue', async () => {
  expect(await run('expect continue')).toEqual([200, 8]);
});

test('hears 102 and 103, and gets trailers', async () => {
  expect(await run('interim answers and trailers')).toEqual({
    interim: [102, 103],
    text: 'before trailers',
    trailers: { 'x-checksum': 'abc123' },
  });
});

test('gets answers without a body', async () => {
  expect(await run('head and empty answers')).toEqual(['777', 0, [204, 304]]);
});

test('that gives up cuts the exchange off at the origin', async () => {
  expect(await run('aborts')).toEqual(['AbortError', 'request cut', 'answer cut']);
});

test('follows server-sent events over a reconnect', async () => {
  expect(await run('event source')).toEqual(['hello after nothing', 'first', 'hello after 1']);
});

test('speaks WebSocket: subprotocol, 3 MB in fragments, close code', async () => {
  expect(await run('websocket')).toEqual({ protocol: 'two', isSame: true, closed: [4321, 'enough', true] });
});
