/** A wake from frozen through Luma, beside the bare unpause call, in turn. */
import type { Luma } from '../../test/e2e/luma.ts';
import { percentile, printTable } from '../statistics.ts';
import type { ContainerByHand } from './by-hand.ts';
import { askProject, phaseRows, verdict, type Wake, wakeOnce } from './rounds.ts';

const differenceMsMax = 5;
const warmUpRounds = 2;

/** The project freezes by itself, a moment after each answer. */
export async function measureFrozen(
  luma: Luma,
  project: string,
  byHand: ContainerByHand,
  rounds: number,
): Promise<boolean> {
  const wakes: Wake[] = [];
  const unpauses: number[] = [];
  await askProject(luma, project);
  await byHand.start();
  for (let round = -warmUpRounds; round < rounds; round++) {
    await luma.untilStatus(project, 'frozen');
    const wake = await wakeOnce(luma, project);
    await byHand.pause();
    const startedAt = performance.now();
    await byHand.unpause();
    const unpauseMs = performance.now() - startedAt;
    if (round < 0) continue;
    wakes.push(wake);
    unpauses.push(unpauseMs);
  }
  await byHand.stop();
  const clientMs = wakes.map((wake) => wake.clientMs);
  const both = (values: readonly number[]): number[] => [percentile(values, 0.5), percentile(values, 0.95)];
  console.log(`\nfrozen static server in Docker, ${rounds} rounds, milliseconds`);
  printTable(
    ['', 'p50', 'p95'],
    [
      ['wake through Luma', ...both(clientMs)],
      ...phaseRows(wakes),
      ['the bare unpause call', ...both(unpauses)],
    ],
  );
  const difference = percentile(clientMs, 0.5) - percentile(unpauses, 0.5);
  return verdict('frozen: p50 of the wake less p50 of unpause', difference, differenceMsMax);
}
