/** A wake through Luma, then a start by hand, again and again in one run; and what is printed of it. */
import { ask } from '../../test/e2e/http-client.ts';
import type { Luma } from '../../test/e2e/luma.ts';
import { percentile, printTable, summarise } from '../statistics.ts';
import type { ByHand } from './by-hand.ts';

const warmUpRounds = 2;

export interface Subject {
  readonly name: string;
  readonly project: string;
  readonly byHand: ByHand;
  /** The wake may take this share of the start by hand; null: it is reported only. */
  readonly shareMax: number | null;
}

/** One wake, in milliseconds: as the client sees it, and Luma's own account of it. */
export interface Wake {
  readonly clientMs: number;
  readonly queueMs: number;
  readonly startMs: number;
  readonly connectMs: number;
  readonly firstByteMs: number;
}

export interface Measured {
  readonly subject: Subject;
  readonly wakes: readonly Wake[];
  readonly starts: readonly number[];
}

/** All subjects in every round, so that a machine that gets slower does so for all alike. */
export async function measure(
  luma: Luma,
  subjects: readonly Subject[],
  rounds: number,
): Promise<readonly Measured[]> {
  const measured = subjects.map((subject) => ({ subject, wakes: [] as Wake[], starts: [] as number[] }));
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const { subject, wakes, starts } of measured) {
      const wake = await wakeOnce(luma, subject.project);
      await sleep(luma, subject.project);
      const startedAt = performance.now();
      await subject.byHand.start();
      const startMs = performance.now() - startedAt;
      await subject.byHand.stop();
      if (round < 0) continue;
      wakes.push(wake);
      starts.push(startMs);
    }
  }
  return measured;
}

export async function sleep(luma: Luma, project: string): Promise<void> {
  const slept = await luma.api('POST', `/projects/${project}/sleep`);
  if (slept.status !== 200) throw new Error(`${project}: ${JSON.stringify(slept.json)}`);
}

/** How long the client waited for the whole answer. */
export async function askProject(luma: Luma, project: string): Promise<number> {
  const answer = await ask({ port: luma.httpPort, host: `${project}.localhost` });
  if (answer.status !== 200) throw new Error(`${project}: ${answer.status} ${answer.body}`);
  return answer.durationMs;
}

export async function wakeOnce(luma: Luma, project: string): Promise<Wake> {
  const clientMs = await askProject(luma, project);
  const events = await luma.events(project, 'woken');
  const details = events[0]?.details as {
    duration_ms: number;
    phases: { start_ms: number; answer_ms: number };
  };
  const { start_ms: startMs, answer_ms: connectMs } = details.phases;
  const queueMs = details.duration_ms - startMs - connectMs;
  return { clientMs, queueMs, startMs, connectMs, firstByteMs: clientMs - details.duration_ms };
}

/** Prints it all; true when the wake is as fast as it should be. */
export function report({ subject, wakes, starts }: Measured): boolean {
  const clientMs = wakes.map((wake) => wake.clientMs);
  const [wake, start] = [summarise(clientMs), summarise(starts)];
  const differences = clientMs.map((ms, n) => ms - (starts[n] ?? Number.NaN));
  console.log(`\n${subject.name}, ${wakes.length} rounds, milliseconds`);
  printTable(
    ['', 'p50', 'p95'],
    [
      ['wake through Luma', wake.p50, wake.p95],
      ...phaseRows(wakes),
      ['started by hand', start.p50, start.p95],
      ['difference, round by round', ...both(differences)],
      ['ratio', wake.p50 / start.p50, wake.p95 / start.p95],
    ],
  );
  const { shareMax } = subject;
  const ratio = wake.p50 / start.p50;
  return shareMax === null || verdict(`${subject.name}: p50 of the wake / p50 by hand`, ratio, shareMax);
}

/** Each phase with its p50 and p95. */
export function phaseRows(wakes: readonly Wake[]): (string | number)[][] {
  return phases.map(([words, of]) => [`  ${words}`, ...both(wakes.map(of))]);
}

export function verdict(what: string, value: number, most: number): boolean {
  const isMet = value <= most;
  console.log(`${isMet ? 'met' : 'MISSED'}: ${what} is ${value.toFixed(2)}, should be at most ${most}`);
  return isMet;
}

const both = (values: readonly number[]): [number, number] => [
  percentile(values, 0.5),
  percentile(values, 0.95),
];

const phases: readonly (readonly [string, (wake: Wake) => number])[] = [
  ['queue: until the start call', (wake) => wake.queueMs],
  ['start: the engine’s part', (wake) => wake.startMs],
  ['connect: until the app accepts', (wake) => wake.connectMs],
  ['first byte: request sent on, answer back', (wake) => wake.firstByteMs],
];
