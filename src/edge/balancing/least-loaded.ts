/** Which ready target gets the next exchange: the one with the fewest in flight over all workers. */
import type { TargetRoute } from '../routing/service-route.ts';

/** What is read of the board. */
export interface LoadReader {
  inFlight(row: number): number;
}

/** Equal loads take turns, so that idle targets share light traffic too. */
let turn = 0;

/** Null: no ready target is left. `refused` are ids that are not to be chosen again now. */
export function chooseTarget(
  targets: readonly TargetRoute[],
  load: LoadReader,
  refused: readonly string[],
): TargetRoute | null {
  const only = targets.length === 1 ? targets[0] : undefined;
  if (only !== undefined) return isCandidate(only, refused) ? only : null;
  turn++;
  let chosen: TargetRoute | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset < targets.length; offset++) {
    const target = targets[(turn + offset) % targets.length];
    if (target === undefined || !isCandidate(target, refused)) continue;
    const inFlight = load.inFlight(target.row);
    if (inFlight >= least) continue;
    chosen = target;
    least = inFlight;
  }
  return chosen;
}

function isCandidate(target: TargetRoute, refused: readonly string[]): boolean {
  return target.state === 'ready' && !refused.includes(target.id);
}
