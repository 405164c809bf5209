/**
 * The crossing loop with four workers, which are restarted and killed in it: sleeps, wakes and counts stay right
 * whoever serves. Nothing is lost but what a killed worker itself had in hand.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createProxyClient } from '../../src/proxy/client/index.ts';
import { cross } from './crossing.ts';
import type { Answer } from './http-client.ts';
import { Luma, until } from './luma.ts';

const minutes = 60_000;
const isLong = Bun.env['LUMA_TEST_LONG'] === '1';
const sleepsPerLane = isLong ? 75 : 12;
const laneCount = 4;
const idleMs = 100;
const workerCount = 4;

let luma: Luma;
const proxy = () => createProxyClient({ socketPath: luma.proxySocket });

beforeAll(async () => {
  luma = await Luma.start({ runtime: 'process', apart: true, workers: workerCount });
}, minutes);

afterAll(async () => {
  await luma?.stop();
}, minutes);

test(
  'restarts of the workers in crossed sleeps lose no request',
  async () => {
    const lanes = await addLanes('restarted');
    let restarts = 0;
    await whileCrossing(lanes, async () => {
      await proxy().restartWorkers();
      restarts++;
      await Bun.sleep(500);
    });
    expect(restarts).toBeGreaterThan(0);
    await expectQuiet(lanes);
  },
  10 * minutes,
);

test(
  'kill -9 of workers in crossed sleeps loses only what ran inside them',
  async () => {
    const lanes = await addLanes('killed');
    const kills: number[] = [];
    const killOne = async (): Promise<void> => {
      const serving = (await proxy().status()).workers.filter(({ state }) => state === 'serving');
      const victim = serving[Math.floor(Math.random() * serving.length)];
      if (victim) {
        kills.push(performance.now());
        process.kill(victim.pid, 'SIGKILL');
      }
      await Bun.sleep(300 + Math.random() * 700);
    };
    await whileCrossing(lanes, killOne, (name) => askOutliving(name, kills));
    expect(kills.length).toBeGreaterThan(0);
    await until('all workers to serve again', async () => {
      const { workers } = await proxy().status();
      return workers.filter(({ state }) => state === 'serving').length === workerCount;
    });
    await expectQuiet(lanes);
  },
  10 * minutes,
);

async function addLanes(prefix: string): Promise<string[]> {
  const lanes = Array.from({ length: laneCount }, (_, n) => `${prefix}-${n}`);
  for (const name of lanes) await luma.add({ name, idle_timeout: `${idleMs}ms` });
  return lanes;
}

/** Does `disturb` again and again until every lane has crossed its sleeps. */
async function whileCrossing(
  lanes: readonly string[],
  disturb: () => Promise<void>,
  ask?: (name: string) => Promise<Answer>,
): Promise<void> {
  let isCrossing = true;
  const disturbing = (async () => {
    while (isCrossing) await disturb();
  })();
  try {
    await Promise.all(
      lanes.map((name) => cross(luma, name, idleMs, sleepsPerLane, ask && (() => ask(name)))),
    );
  } finally {
    isCrossing = false;
  }
  await disturbing;
}

/** A request may break only if a worker was killed while it ran; it is then asked again. */
async function askOutliving(name: string, kills: readonly number[]): Promise<Answer> {
  for (;;) {
    const startedAt = performance.now();
    try {
      return await luma.get(`${name}.localhost`);
    } catch (error) {
      const isOfKill = kills.some((at) => at >= startedAt && at <= performance.now());
      if (!isOfKill) throw error;
    }
  }
}

/** Counts are right afterwards: every lane falls asleep, and nothing is left in flight or held. */
async function expectQuiet(lanes: readonly string[]): Promise<void> {
  for (const name of lanes) await luma.untilStatus(name, 'idle');
  const services = await proxy().listServices();
  const counts = services.map(({ in_flight, held }) => ({ in_flight, held }));
  expect(counts).toEqual(services.map(() => ({ in_flight: 0, held: 0 })));
}
