/** Node's `http` through the edge, on real Node. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { NodeProgram } from './node-program.ts';
import { Stage } from './stage.ts';

const MEBIBYTE = 1024 * 1024;
const stage = new Stage();
let client: NodeProgram;

beforeAll(async () => {
  [client] = await Promise.all([NodeProgram.build('node-http.client.ts'), stage.start()]);
});
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  client.remove();
  await stage.stop();
});

const run = (name: string): Promise<unknown> => client.ask(stage.address, name);

test('uploads 20 MB by length', async () => {
  expect(await run('upload by length')).toEqual({
    bytes: 20 * MEBIBYTE,
    framing: 'length',
    trailers: [],
    isSame: true,
  });
});

test('uploads 20 MB in chunks, with trailers', async () => {
  expect(await run('upload in chunks with trailers')).toEqual({
    bytes: 20 * MEBIBYTE,
    framing: 'chunked',
    trailers: ['X-Sum', 'of everything'],
    isSame: true,
  });
});

test('gets 20 MB back while it still sends them', async () => {
  expect(await run('echo while uploading')).toEqual({ isSame: true });
});

test('gets the ranges that it asks for', async () => {
  const size = 5 * MEBIBYTE;
  expect(await run('ranges')).toEqual([
    [206, `bytes 0-99/${size}`, 100, true],
    [206, `bytes 1000000-${size - 1}/${size}`, size - 1_000_000, true],
    [206, `bytes ${size - 7}-${size - 1}/${size}`, 7, true],
    [416, `bytes */${size}`, 0, true],
    [200, '', size, true],
    [206, `bytes 0-9/${size}`, 10, true],
  ]);
});

test('gets compressed bodies as the origin made them', async () => {
  expect(await run('compressed')).toEqual([
    ['gzip', false, true],
    ['deflate', false, true],
    ['br', false, true],
    ['gzip', true, true],
    ['br', true, true],
  ]);
});

test('gets answers without a body: HEAD with its length, 204, 304', async () => {
  expect(await run('head and empty answers')).toEqual([
    [200, '12345', 0],
    [204, null, 0],
    [304, null, 0],
  ]);
});

test('hears 102 and 103 before the answer', async () => {
  expect(await run('interim answers')).toEqual({
    interim: [
      [102, null],
      [103, '</style.css>; rel=preload; as=style'],
    ],
    status: 200,
    text: 'after hints',
  });
});

test('waits for 100 Continue, and is refused without one', async () => {
  expect(await run('expect continue')).toEqual({ order: ['continue'], status: 200, bytes: 10 });
  expect(await run('expect refused')).toEqual({ status: 417 });
});

test('gets trailers where it says that it takes them', async () => {
  expect(await run('trailers')).toEqual([
    ['before trailers', ['X-Checksum', 'abc123']],
    ['before trailers', []],
  ]);
});
test('gets the whole of an answer that ends with its connection', async () => {
  expect(await run('answer until close')).toEqual([1000, 'line 999']);
});

test('keeps one connection for fifty requests', async () => {
  expect(await run('keep-alive')).toEqual({ connections: 1 });
});

test('hears a refusal while its body is still to come', async () => {
  expect(await run('early refusal')).toEqual({ status: 413, text: 'too much' });
});

test('that gives an upload up cuts it off at the origin', async () => {
  expect(await run('aborted upload')).toEqual({ failure: 'ECONNRESET', fate: 'request cut' });
});

test('that gives a download up cuts it off at the origin', async () => {
  expect(await run('aborted download')).toEqual({ fate: 'answer cut' });
});

test('hears each server-sent event when it is sent', async () => {
  expect(await run('server-sent events')).toEqual(['data: hello after nothing', 'data: 1', 'data: 2']);
});

test('polls for long, three at once, answered in another order', async () => {
  expect(await run('long polling')).toEqual(['word-1', 'word-2', 'word-3']);
});

test('has its fields passed in order and case, but not those of the connection', async () => {
  const seen = (await run('fields as they are')) as { fields: string[]; cookies: string[]; url: string };
  expect(seen.url).toBe('/seen?a=%20b&c');
  expect(seen.cookies).toEqual(['a=1; Path=/', 'b=2; Path=/']);
  const own = seen.fields.slice(0, seen.fields.indexOf('X-Forwarded-For'));
  expect(own).toEqual(['Host', '127.0.0.1', 'X-Twice', 'one', 'x-TWICE', 'two', 'X-Empty', '']);
});
