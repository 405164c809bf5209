/**
 * A load step from nothing to 200 exchanges at once, on an app that takes 100 ms (a timer, no work) and may have ten at once: how
 * long until p99 is steadily below twice what one alone takes, how many instances there were when, and whether all went back down
 * without a cut exchange. Some 100 seconds for each runtime; exits with 1 when it is slower than it should be, or lost something.
 *
 *   bench/scaling.ts [--runtime process|docker|all] [--clients 200] [--seconds 15] [--no-down]
 */
import { parseArgs } from 'node:util';
import { Luma, until } from '../test/e2e/luma.ts';
import { withEngine } from '../test/engine/engine.ts';
import { type Exchange, KeptCrowd } from './scaling/kept-client.ts';
import { isLost, printTimeline, type Sample, secondsOf, steadyFrom } from './scaling/timeline.ts';
import { percentile } from './statistics.ts';

const { values: flags } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'all' },
    clients: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '15' },
    'no-down': { type: 'boolean', default: false },
  },
});
const clients = Number(flags.clients);
const loadMs = Number(flags.seconds) * 1_000;
const steadyMsMax = 10_000;
const sampleEveryMs = 250;
/** Panic ends a minute after the last start, then the stable window has to forget. */
const downMsMax = 150_000;
const path = '/slow?ms=100';

async function instancesOf(luma: Luma, project: string): Promise<Omit<Sample, 'atMs'>> {
  const { json } = await luma.api('GET', `/projects/${project}`);
  const states = (json['instances'] as { state: string }[]).map(({ state }) => state);
  const count = (wanted: string): number => states.filter((state) => state === wanted).length;
  return {
    preparing: count('preparing') + count('prepared'),
    starting: count('starting'),
    running: count('running'),
  };
}

/** Again and again until it is told to end. */
function watch(luma: Luma, project: string, now: () => number): { samples: Sample[]; stop(): Promise<void> } {
  const samples: Sample[] = [];
  let isOver = false;
  const work = (async (): Promise<void> => {
    while (!isOver) {
      samples.push({ ...(await instancesOf(luma, project)), atMs: now() });
      await Bun.sleep(sampleEveryMs);
    }
  })();
  const stop = async (): Promise<void> => {
    isOver = true;
    await work;
  };
  return { samples, stop };
}

async function step(luma: Luma, runtime: string): Promise<boolean> {
  const host = 'step.localhost';
  await luma.add({ name: 'step', concurrency: 10, idle_timeout: '1h', wake_timeout: '60s' });
  const beganAt = performance.now();
  const now = (): number => performance.now() - beganAt;
  const alone = new KeptCrowd({ port: luma.httpPort, host, now }, 1, path);
  await Bun.sleep(4_000);
  await alone.stop();
  const unloadedMs = percentile(
    alone.exchanges.slice(1).map(({ tookMs }) => tookMs),
    0.99,
  );
  const asleep = await luma.api('POST', '/projects/step/sleep');
  if (asleep.status !== 200) throw new Error(JSON.stringify(asleep));

  const stepAt = performance.now();
  const since = (): number => performance.now() - stepAt;
  const watched = watch(luma, 'step', since);
  const crowd = new KeptCrowd({ port: luma.httpPort, host, now: since }, clients, path);
  await Bun.sleep(loadMs);
  // A few go on, also with exchanges that last, and no more than one instance is to have: what is too much must not end under them.
  const few = [new KeptCrowd({ port: luma.httpPort, host, now: since }, 2, path)];
  few.push(new KeptCrowd({ port: luma.httpPort, host, now: since }, 3, '/slow?ms=3000'));
  await crowd.stop();
  const downFromMs = since();
  let downMs: number | null = null;
  if (!flags['no-down']) {
    await until('one instance', async () => isOne(await instancesOf(luma, 'step')), downMsMax);
    downMs = since() - downFromMs;
  }
  await Promise.all(few.map((some) => some.stop()));
  await watched.stop();

  const seconds = secondsOf(crowd.exchanges).filter(({ at }) => at * 1_000 < loadMs - 1_000);
  const steadyS = steadyFrom(seconds, 2 * unloadedMs);
  const lost = [...crowd.exchanges, ...few.flatMap(({ exchanges }) => exchanges)].filter(isLost);
  console.log(`\n0 to ${clients} exchanges at once, runtime ${runtime}, from asleep`);
  printTimeline(seconds, watched.samples);
  return report({ unloadedMs, steadyS, downMs, lost, all: crowd.exchanges.length, samples: watched.samples });
}

const isOne = ({ preparing, starting, running }: Omit<Sample, 'atMs'>): boolean =>
  preparing + starting === 0 && running === 1;

function report(run: {
  readonly unloadedMs: number;
  readonly steadyS: number | null;
  readonly downMs: number | null;
  readonly lost: readonly Exchange[];
  readonly all: number;
  readonly samples: readonly Sample[];
}): boolean {
  const most = Math.max(...run.samples.map(({ running }) => running));
  console.log(
    `one alone, p99: ${run.unloadedMs.toFixed(1)} ms; ${run.all} exchanges; at most ${most} instances`,
  );
  const isSteady = run.steadyS !== null && run.steadyS * 1_000 <= steadyMsMax;
  const when = run.steadyS === null ? 'never' : `after ${run.steadyS} s`;
  console.log(
    `${isSteady ? 'met' : 'MISSED'}: p99 below twice that ${when}, should be within ${steadyMsMax / 1_000} s`,
  );
  if (run.downMs !== null) console.log(`back to one instance after ${(run.downMs / 1_000).toFixed(1)} s`);
  console.log(`${run.lost.length === 0 ? 'met' : 'MISSED'}: ${run.lost.length} exchanges lost`);
  for (const { status, failure, beganMs } of run.lost.slice(0, 5))
    console.log(`  at ${(beganMs / 1_000).toFixed(1)} s: ${failure ?? `status ${status}`}`);
  return isSteady && run.lost.length === 0;
}

async function onProcess(): Promise<boolean> {
  const luma = await Luma.start({ runtime: 'process', apart: true });
  try {
    return await step(luma, 'process');
  } finally {
    await luma.stop();
  }
}

async function onDocker(): Promise<boolean> {
  const engine = await withEngine({ isPrivate: true });
  const luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
  try {
    return await step(luma, 'docker');
  } finally {
    await luma.stop();
    await engine.stop();
  }
}

const isProcessMet = flags.runtime === 'docker' || (await onProcess());
const isDockerMet = flags.runtime === 'process' || (await onDocker());
process.exitCode = isProcessMet && isDockerMet ? 0 : 1;
