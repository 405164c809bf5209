/** Twenty sleeping projects asked at once, beside twenty containers started at once with nothing around them. */
import type { Luma } from '../../test/e2e/luma.ts';
import { printTable, summarise } from '../statistics.ts';
import type { ByHand } from './by-hand.ts';
import { askProject, sleep, verdict } from './rounds.ts';

const shareMax = 0.6;

export interface Crowd {
  readonly projects: readonly string[];
  readonly byHand: readonly ByHand[];
}

export async function measureCrowd(luma: Luma, crowd: Crowd, rounds: number): Promise<boolean> {
  const waits: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    waits.push(...(await Promise.all(crowd.projects.map((project) => askProject(luma, project)))));
    for (const project of crowd.projects) await sleep(luma, project);
    const startedAt = performance.now();
    const started = crowd.byHand.map(async (one) => {
      await one.start();
      return performance.now() - startedAt;
    });
    starts.push(...(await Promise.all(started)));
    await Promise.all(crowd.byHand.map((one) => one.stop()));
  }
  const [wait, start] = [summarise(waits), summarise(starts)];
  console.log(`\n${crowd.projects.length} at once, ${rounds} rounds, milliseconds until each has its answer`);
  printTable(
    ['', 'p50', 'p95', 'last'],
    [
      ['sleeping projects, through Luma', wait.p50, wait.p95, wait.max],
      ['containers started by hand', start.p50, start.p95, start.max],
    ],
  );
  return verdict('median client / median of the starts by hand', wait.p50 / start.p50, shareMax);
}
