/** Which ready target gets the next exchange: the one with the fewest in flight over all workers. */
import type { TargetRoute } from '../routing/service-route.ts';

/** What is read of the board. */
export interface LoadReader {
  inFlight(row: number): number;
}

/** Equal loads take turns, so that idle targets share light traffic too. */
let turn = 0;

/**
 * Null: no ready target is left. `refused` are ids that are not to be chosen now; `ejected` ones are chosen only where
 * nobody else is left.
 */
export function chooseTarget(
  targets: readonly TargetRoute[],
  load: LoadReader,
  refused: readonly string[],
  ejected: readonly string[] = NOBODY,
): TargetRoute | null {
  const only = targets.length === 1 ? targets[0] : undefined;
  if (only !== undefined) return isCandidate(only, refused) ? only : null;
  turn++;
  const chosen = leastLoaded(targets, load, refused, ejected);
  return chosen === null && ejected.length > 0 ? leastLoaded(targets, load, refused, NOBODY) : chosen;
}

const NOBODY: readonly string[] = [];

function leastLoaded(
  targets: readonly TargetRoute[],
  load: LoadReader,
  refused: readonly string[],
  ejected: readonly string[],
): TargetRoute | null {
  let chosen: TargetRoute | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset < targets.length; offset++) {
    const target = targets[(turn + offset) % targets.length];
    if (target === undefined || !isCandidate(target, refused) || ejected.includes(target.id)) continue;
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
