/** Bytes through a real worker process: none changed, none piled up, however fast or slow the two ends are. */
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { NodeProgram } from '../../clients/node-program.ts';
import { Stage } from '../../clients/stage.ts';
import { MemoryWatch } from './process-facts.ts';

const MEBIBYTE = 1024 * 1024;
const isLong = process.env['LUMA_TEST_LONG'] === '1';
const streamBytes = (isLong ? 1024 : 256) * MEBIBYTE;
const growthMax = 64 * MEBIBYTE;
const echoCount = 200;
const longMs = isLong ? 10 * 60_000 : 60_000;

const stage = new Stage();
let client: NodeProgram;

beforeAll(async () => {
  [client] = await Promise.all([NodeProgram.build(join(import.meta.dir, 'load.client.ts')), stage.start(1)]);
  // What a worker needs once is no growth.
  await run('download', 16 * MEBIBYTE, 0);
  await run('upload', 16 * MEBIBYTE, 0);
});
afterEach(() => stage.untilQuiet());
afterAll(async () => {
  client.remove();
  await stage.stop();
});

const run = (name: string, ...numbers: readonly number[]): Promise<unknown> =>
  client.ask(stage.address, name, ...numbers.map(String));

function watch(): MemoryWatch {
  const [pid = 0] = stage.workerPids;
  return new MemoryWatch(pid);
}

// Before the streams: those must do with the memory that such a crowd leaves behind.
test(
  `${echoCount} connections echo 5 MB each, in pieces of any size with pauses, unchanged`,
  async () => {
    expect(await run('echoes', echoCount, 5 * MEBIBYTE)).toEqual({ same: echoCount });
  },
  longMs,
);

test.each([
  ['download', 'at full speed', 0],
  ['download', 'to a slow reader', 5],
  ['upload', 'at full speed', 0],
  ['upload', 'to a slow reader', 5],
])(
  `a large %s %s keeps its bytes and costs no memory`,
  async (name, _how, pauseMs) => {
    const memory = watch();
    expect(await run(name, streamBytes, pauseMs)).toEqual({ bytes: streamBytes, isSame: true });
    expect(memory.growth).toBeLessThan(growthMax);
  },
  longMs,
);
