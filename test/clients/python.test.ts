/** Python's `http.client` through the edge. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { answerOf } from './node-program.ts';
import { Stage } from './stage.ts';

const MEBIBYTE = 1024 * 1024;
const stage = new Stage();

beforeAll(() => stage.start());
afterEach(() => stage.untilQuiet());
afterAll(() => stage.stop());

function run(name: string): Promise<unknown> {
  const command = ['python3', join(import.meta.dir, 'http_client.py'), '127.0.0.1', String(stage.port), name];
  return answerOf(Bun.spawn(command, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

test('uploads 20 MB by length and in chunks', async () => {
  expect(await run('uploads')).toEqual([
    ['length', 20 * MEBIBYTE, true],
    ['chunked', 20 * MEBIBYTE, true],
  ]);
});

test('downloads 20 MB, whole and in ranges', async () => {
  expect(await run('downloads')).toEqual([true, true, [206]]);
});

test('decodes compressed bodies', async () => {
  expect(await run('compressed')).toEqual([500_000, 500_000]);
});

test('keeps its connection over fifty requests', async () => {
  expect(await run('keep_alive')).toBe(true);
});

test('gets answers without a body', async () => {
  expect(await run('empty_answers')).toEqual([
    [200, '99', 0],
    [204, null, 0],
    [304, null, 0],
  ]);
});

test('gets the whole of an answer that ends with its connection', async () => {
  expect(await run('until_close')).toBe('line 999');
});

test('is told to continue', async () => {
  expect(await run('expect_continue')).toEqual(['HTTP/1.1 100 Continue', 200, 8]);
});

test('reads server-sent events as they come', async () => {
  expect(await run('events')).toEqual(['data: hello after nothing', 'data: 1', 'data: 2']);
});

test('polls for long', async () => {
  expect(await run('long_poll')).toEqual(['word']);
});

test('that gives up cuts the exchange off at the origin', async () => {
  expect(await run('aborts')).toEqual(['request cut', 'answer cut']);
});
