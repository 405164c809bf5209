/** Connections that are many, broken or hostile: what each of them costs a real worker process, and what is left of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { EDGE_LIMITS } from '../../../src/edge/index.ts';
import { firstLine, NodeProgram } from '../../clients/node-program.ts';
import { Stage } from '../../clients/stage.ts';
import { until } from '../proxy/proxy-fixture.ts';
import { MemoryWatch, socketCount } from './process-facts.ts';

const MEBIBYTE = 1024 * 1024;
const isLong = process.env['LUMA_TEST_LONG'] === '1';
const idleCount = isLong ? 10_000 : 2_000;
/** What ten thousand may cost; fewer cost no more than their share, and what a heap grows in steps. */
const idleGrowthMax = isLong ? 64 * MEBIBYTE : 24 * MEBIBYTE;
/** A busy machine looks at its deadlines late. */
const graceMs = 5_000;
const longMs = isLong ? 5 * 60_000 : 60_000;

const stage = new Stage();
let client: NodeProgram;
let socketsAtRest: number;

beforeAll(async () => {
  [client] = await Promise.all([NodeProgram.build(join(import.meta.dir, 'load.client.ts')), stage.start(1)]);
  socketsAtRest = socketCount(workerPid());
});
afterAll(async () => {
  client.remove();
  await stage.stop();
});

const workerPid = (): number => stage.workerPids[0] ?? 0;

const run = (name: string, count: number): Promise<unknown> => client.ask(stage.address, name, String(count));

async function untilNothingIsLeft(): Promise<void> {
  await stage.untilQuiet();
  await until('every socket is closed', () => socketCount(workerPid()) <= socketsAtRest);
}

test(
  'a thousand connections that break off at random moments leave no socket and no count behind',
  async () => {
    expect(await run('abrupt', 1_000)).toEqual({ done: 1_000 });
    await untilNothingIsLeft();
    const answer = await fetch(`${stage.address}/seen`, { headers: { connection: 'close' } });
    expect(answer.status).toBe(200);
  },
  longMs,
);

describe('while attackers send their heads byte by byte', () => {
  const attackers = 100;
  let attack: Promise<unknown>;
  beforeAll(() => {
    attack = run('slow heads', attackers);
  });

  test(
    `${idleCount} idle connections cost little memory, and each is still good for a request`,
    async () => {
      // What the first connections need once is no growth.
      await idleConnections(200, () => {});
      const memory = new MemoryWatch(workerPid());
      const said = await idleConnections(idleCount, () => expect(memory.growth).toBeLessThan(idleGrowthMax));
      expect(said).toEqual({ closed: 0, answered: idleCount });
    },
    longMs,
  );

  test(
    'each of them is told 408 after fifteen seconds, and nothing of them is left',
    async () => {
      const fates = (await attack) as Fate[];
      expect(fates).toHaveLength(attackers);
      for (const { afterMs, status } of fates) {
        expect(status).toBe('408');
        expect(afterMs).toBeGreaterThanOrEqual(EDGE_LIMITS.requestHeadMs);
        expect(afterMs).toBeLessThan(EDGE_LIMITS.requestHeadMs + graceMs);
      }
      await untilNothingIsLeft();
    },
    longMs,
  );
});

test.skipIf(!isLong)(
  'who sends no body and who reads no answer is cut off after a minute',
  async () => {
    const [silent, deaf] = (await Promise.all([
      run('silent bodies', 100),
      run('deaf readers', 100),
    ])) as Fate[][];
    expect(silent?.map(({ status }) => status)).toEqual(Array(100).fill('408'));
    for (const { afterMs } of [...silent!, ...deaf!]) expect(afterMs).toBeLessThan(60_000 + graceMs);
    await untilNothingIsLeft();
  },
  longMs,
);

interface Fate {
  readonly afterMs: number;
  readonly status?: string;
}

/** Makes them, looks at what they cost, then lets each ask once more. */
async function idleConnections(count: number, look: () => void): Promise<unknown> {
  const child = client.start(stage.address, 'idle', String(count));
  expect(await firstLine(child.stderr)).toBe('idle');
  look();
  child.stdin.end();
  return JSON.parse(await new Response(child.stdout).text());
}
