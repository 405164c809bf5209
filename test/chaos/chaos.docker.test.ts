/**
 * Ten projects on a real engine under a steady mixed load, while everything that can happen to them happens at random.
 * LUMA_TEST_SEED repeats a run's choices. Whatever broke must have run inside what was killed, and is named.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import Docker from 'dockerode';
import { Luma, until } from '../e2e/luma.ts';
import { type TestEngine, withEngine } from '../engine/engine.ts';
import type { Scene } from './calamities.ts';
import { chooseDeed, untilCalm } from './calamities.ts';
import { Ledger } from './ledger.ts';
import { MixedLoad } from './mixed-load.ts';
import { SeededRandom } from './random.ts';
import { strays } from './strays.ts';

const minutes = 60_000;
const isLong = Bun.env['LUMA_TEST_LONG'] === '1';
const durationMs = (isLong ? 15 : 2) * minutes;
const seed = Number(Bun.env['LUMA_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const projects = Array.from({ length: 10 }, (_, n) => `chaos-${n}`);
const clients = 12;

let engine: TestEngine;
let luma: Luma;

beforeAll(async () => {
  // As docker-notes recommend to whoever wants deploys of the engine itself to hurt nobody.
  engine = await withEngine({ isPrivate: true, flags: ['--live-restore'] });
  luma = await Luma.start({
    runtime: 'docker',
    env: { DOCKER_HOST: engine.dockerHost },
    apart: true,
    workers: 2,
  });
}, 3 * minutes);

afterAll(async () => {
  await luma?.stop();
  await engine?.stop();
}, 3 * minutes);

test(
  'a mixed load loses nothing but what ran inside what was killed',
  async () => {
    const random = new SeededRandom(seed);
    const ledger = new Ledger();
    const beganAt = performance.now();
    const now = (): number => performance.now() - beganAt;
    const docker = new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
    const scene: Scene = { luma, engine, docker, projects, random, now };
    for (const name of projects) await luma.add({ name, idle_timeout: '400ms', max_instances: 2 });
    const { httpPort } = luma;
    const load = new MixedLoad({
      httpPort,
      projects,
      clients,
      random: new SeededRandom(seed + 1),
      ledger,
      now,
    });
    load.start();
    while (now() < durationMs) {
      await Bun.sleep(random.between(100, 1_500));
      const { name, run } = chooseDeed(random);
      const startedAt = now();
      const done = await run(scene);
      if (done !== null) ledger.done({ what: name, startedAt, ...done });
    }
    await load.stop();
    console.log(
      `chaos, begun at ${new Date(performance.timeOrigin + beganAt).toISOString()}, seed ${seed}:\n${ledger.text()}\n${await failuresTold(luma)}`,
    );
    const lost = ledger.losses().filter(({ cause }) => cause === null).length;
    if (lost > 0) console.log(luma.output());
    // The text above names them, and what was slow, which a busy machine is by itself.
    expect(lost).toBe(0);
    expect(ledger.attempts.length).toBeGreaterThan(durationMs / 1_000);
    await untilCalm(scene);
    await until(
      'no process of a container that nobody knows',
      async () => (await strays(scene)).length === 0,
    );
  },
  durationMs + 5 * minutes,
);

/** What Luma itself says of starts and deploys that did not work: each sentence once, with how often. */
async function failuresTold(luma: Luma): Promise<string> {
  const counts = new Map<string, number>();
  for (const name of projects) {
    for (const { kind, message } of await luma.events(name)) {
      if (!/failed|crashed/.test(kind)) continue;
      const sentence = `${kind}: ${message.replace(/\b[0-9a-f]{64}\b/g, '…').replaceAll(name, 'a project')}`;
      counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
    }
  }
  return [...counts].map(([sentence, n]) => `${n} x ${sentence}`).join('\n');
}
