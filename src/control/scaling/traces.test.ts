/** What the scaler does with loads that the edge counted while real clients asked a real project (`bench/traces.ts`). */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManualClock } from '../../base/manual-clock.ts';
import { DEFAULT_SCALING, type Project } from '../../domain/project.ts';
import { allTo } from '../../domain/revision.ts';
import { ProjectChronicle } from '../projects/project-chronicle.ts';
import { initialState, newInstance, type ProjectState } from '../projects/project-state.ts';
import { projectSettings } from '../rehearsal/platform.ts';
import { ProjectScaler } from './project-scaler.ts';

interface Trace {
  readonly every_ms: number;
  readonly concurrency: number;
  readonly load: readonly number[];
}

interface Moment {
  readonly atMs: number;
  readonly load: number;
  readonly wanted: number;
  readonly ready: number;
}

/** From the decision until the instance answers. */
const bootMs = 1_000;
const most = 100;
/** Both windows have forgotten by then. */
const afterwardsMs = 150_000;

const trace = (name: string): Trace =>
  JSON.parse(readFileSync(join(import.meta.dir, 'traces', `${name}.json`), 'utf8'));

const asleep = initialState({
  wanted: 'active',
  sleepy: true,
  freezes: false,
  current: 'i-1',
  candidate: null,
  instances: [newInstance('i-1', 1)],
  lineup: [{ revision: 1, percent: 100 }],
  nextLineup: null,
  verifies: false,
  least: 0,
  most,
  seed: 'x',
});

/** Instances that come a second after they are asked for, and go at once. */
class Stage {
  readonly chronicle: ProjectChronicle;
  readonly project: Project;
  ready = 1;
  wanted = 1;

  constructor(
    readonly clock: ManualClock,
    concurrency: number,
  ) {
    const settings = projectSettings({ scaling: { ...DEFAULT_SCALING, concurrency, maxInstances: most } });
    this.project = { settings, wanted: 'active', revision: 1, traffic: allTo(1), createdAt: 0, updatedAt: 0 };
    const journal = { append: () => undefined, pause: () => undefined, resume: () => undefined };
    this.chronicle = new ProjectChronicle('app', journal as never, clock);
  }

  get state(): ProjectState {
    const instances = Array.from({ length: this.ready }, (_, n) => {
      return { ...newInstance(`i-${n + 1}`, 1), state: 'running' as const };
    });
    return { ...asleep, count: this.wanted, instances };
  }

  send(input: { readonly kind: string; readonly count?: number }): void {
    if (input.kind !== 'scaled') return;
    this.wanted = input.count ?? 1;
    this.ready = Math.min(this.ready, this.wanted);
    this.clock.after(bootMs, () => {
      this.ready = Math.max(this.ready, Math.min(this.wanted, input.count ?? 1));
    });
  }
}

async function replay({ every_ms: everyMs, concurrency, load }: Trace): Promise<readonly Moment[]> {
  const clock = new ManualClock();
  const stage = new Stage(clock, concurrency);
  const scaler = new ProjectScaler(clock, stage);
  const moments: Moment[] = [];
  const quiet = Array.from({ length: afterwardsMs / everyMs }, () => 0);
  for (const now of [...load, ...quiet]) {
    scaler.onLoad(now);
    await clock.advance(everyMs);
    const { wanted, ready } = stage;
    moments.push({ atMs: clock.monotonic(), load: now, wanted, ready });
  }
  scaler.close();
  return moments;
}

const peak = ({ load }: Trace): number => Math.max(...load);
const enoughFor = (load: number): number => Math.ceil(load / 7);

/** How often it went up after it had gone down, or the other way round. */
function turnsOf(moments: readonly Moment[]): number {
  const steps = moments.map(({ wanted }, at) => Math.sign(wanted - (moments[at - 1]?.wanted ?? wanted)));
  const moves = steps.filter((step) => step !== 0);
  return moves.filter((step, at) => at > 0 && step !== moves[at - 1]).length;
}

const during = (moments: readonly Moment[], { load }: Trace): readonly Moment[] =>
  moments.slice(0, load.length);

describe.each(['step', 'bursts', 'saw-tooth', 'slow-clients'])('the recorded load %s', (name) => {
  const recorded = trace(name);

  test('never asks for more than its highest moment needs, and is left alone when it is over', async () => {
    const moments = await replay(recorded);
    for (const { wanted } of moments) expect(wanted).toBeLessThanOrEqual(enoughFor(peak(recorded)));
    expect(moments.at(-1)).toMatchObject({ wanted: 1, ready: 1 });
  });

  test('does not make it flap: once up, it stays up until the load is over, and then only goes down', async () => {
    const moments = await replay(recorded);
    expect(turnsOf(moments)).toBeLessThanOrEqual(1);
  });
});

test('the step has places for all who ask within four seconds, and the last instances go two minutes after it', async () => {
  const recorded = trace('step');
  const moments = await replay(recorded);
  const beganMs = moments.find(({ load }) => load > 100)?.atMs ?? Number.NaN;
  const servedMs = moments.find(({ ready, load }) => load > 100 && ready * 10 >= load)?.atMs ?? Number.NaN;
  expect(servedMs - beganMs).toBeLessThanOrEqual(4_000);
  const endMs = during(moments, recorded).findLast(({ load }) => load > 100)?.atMs ?? Number.NaN;
  const downMs = moments.find(({ atMs, wanted }) => atMs > endMs && wanted === 1)?.atMs ?? Number.NaN;
  expect(downMs - endMs).toBeLessThanOrEqual(120_000);
});

/** From the first moment at which somebody waits until there is room for all. */
function waitedMs(moments: readonly Moment[], concurrency: number): number {
  const waits = moments.filter(({ load, ready }) => load > ready * concurrency);
  const room = moments.find(
    ({ atMs, load, ready }) => atMs > (waits[0]?.atMs ?? 0) && load <= ready * concurrency,
  );
  return (room?.atMs ?? Number.NaN) - (waits[0]?.atMs ?? Number.NaN);
}

test('slow clients, who stay long, find a place two seconds after the first of them waits, and from then on', async () => {
  const recorded = trace('slow-clients');
  const moments = during(await replay(recorded), recorded);
  expect(waitedMs(moments, recorded.concurrency)).toBeLessThanOrEqual(2_000);
  for (const { load, ready, atMs } of moments)
    if (atMs > 10_000) expect(load).toBeLessThanOrEqual(ready * recorded.concurrency);
});
