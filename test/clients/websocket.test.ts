/** The ws package's WebSocket through the edge, on real Node. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { NodeProgram } from './node-program.ts';
import { Stage } from './stage.ts';

const stage = new Stage();
let client: NodeProgram;

beforeAll(async () => {
  [client] = await Promise.all([NodeProgram.build('websocket.client.ts'), stage.start()]);
});
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  client.remove();
  await stage.stop();
});

const run = (name: string): Promise<unknown> => client.ask(stage.address, name);
const done = [4000, 'done'];

test.each(['fragments', 'one frame'])('echoes 32 MB sent as %s', async (name) => {
  expect(await run(name)).toEqual({ isSame: true, closed: done });
});

test('echoes 20,000 messages in order', async () => {
  expect(await run('many messages')).toEqual({ isSame: true, closed: done });
});

test('agrees with the origin on compression', async () => {
  expect(await run('compressed')).toEqual({ extensions: 'permessage-deflate', isSame: true, closed: done });
});

test('pings and is pinged', async () => {
  expect(await run('ping and pong')).toEqual({ pong: 'mine', back: 'pong are you there', closed: done });
});

test('hears the close code and reason of the origin, and 1005 where there is none', async () => {
  expect(await run('close codes')).toEqual({
    byOrigin: [1000, 1001, 1011, 3000, 4999].map((code) => [code, `because of ${code}`]),
    withoutCode: [1005, ''],
  });
});

test('tells a connection that was cut from one that was closed', async () => {
  expect(await run('cut')).toEqual({ byOrigin: [1006, ''], byClient: [1006, ''] });
});

test('hears an answer that is no upgrade', async () => {
  expect(await run('refused')).toBe(400);
});

test('has five hundred connections at once', async () => {
  expect(await run('five hundred at once')).toEqual({ areRight: true, codes: [4000] });
});
