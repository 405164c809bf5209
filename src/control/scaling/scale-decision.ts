/**
 * How many instances a load asks for: Knative's two windows, decided by a pure function of what was measured and of what
 * was decided before. Bounds are the caller's: at least one, at most what the project allows.
 */
import { PANIC_THRESHOLD, SCALE_DOWN_DELAY_MS, SCALE_DOWN_RATE, STABLE_WINDOW_MS } from './limits.ts';

export interface Measured {
  readonly nowMs: number;
  /** Exchanges in flight and held, on average over the stable and over the panic window. */
  readonly stableLoad: number;
  readonly panicLoad: number;
  /** The least that there was for the last half a second, where that is more than the instances may have at once: some wait. Otherwise 0. */
  readonly pressingLoad: number;
  /** Instances that answer. */
  readonly readyCount: number;
}

export interface ScalePolicy {
  readonly concurrency: number;
  readonly targetUtilization: number;
  readonly most: number;
}

export interface ScaleMemory {
  /** When the panic window last asked for twice what there was, and the most that was wanted since. */
  readonly panic: { readonly atMs: number; readonly count: number } | null;
  /** What was wanted lately, oldest first; as far back as the scale-down delay. */
  readonly wanted: readonly { readonly atMs: number; readonly count: number }[];
}

export const calm: ScaleMemory = { panic: null, wanted: [] };

/**
 * ceil(load / (concurrency x utilization)).
 * A load of 200 with a concurrency of 10 and a utilization of 0.7: 200 / 7 = 28.6, so 29 instances.
 */
export function countFor(load: number, { concurrency, targetUtilization }: ScalePolicy): number {
  // What floating point adds is not a whole instance: 56 / (80 x 0.7) is 1.
  return Math.max(0, Math.ceil(load / (concurrency * targetUtilization) - 1e-9));
}

/**
 * The stable window decides, unless the panic window wants twice what is ready: then the most that it has wanted counts, until a
 * stable window has passed without that. 1 ready, 12 wanted over 6 s: panic, 12 at once, and no fewer for 60 s.
 */
export function decideScale(
  measured: Measured,
  policy: ScalePolicy,
  memory: ScaleMemory,
): { readonly count: number; readonly memory: ScaleMemory } {
  const { nowMs, readyCount } = measured;
  const limit = (count: number): number => Math.min(policy.most, Math.max(1, count));
  const panic = nextPanic(measured, limit(countFor(measured.panicLoad, policy)), memory.panic);
  const stable = limit(countFor(measured.stableLoad, policy));
  const now = Math.max(panic?.count ?? 0, stable, limit(pressingCount(measured, policy)));
  const wanted = [...memory.wanted, { atMs: nowMs, count: now }].filter(
    ({ atMs }) => nowMs - atMs <= SCALE_DOWN_DELAY_MS,
  );
  const lately = Math.max(...wanted.map(({ count }) => count));
  return { count: limit(Math.max(lately, slowest(readyCount))), memory: { panic, wanted } };
}

/**
 * Whoever has waited for half a second is not averaged away; but at most twice what is ready, because a burst is over before many more
 * could start. 1 ready, 16 at once for half a second where 10 may be: 16 / 7 = 2.3, so 3, at most 2.
 */
function pressingCount({ pressingLoad, readyCount }: Measured, policy: ScalePolicy): number {
  return Math.min(countFor(pressingLoad, policy), PANIC_THRESHOLD * readyCount);
}

/** No decision takes away more than half: of 9 that are ready, 5 stay (9 / 2 = 4.5). */
function slowest(readyCount: number): number {
  return Math.ceil(readyCount / SCALE_DOWN_RATE);
}

function nextPanic(
  { nowMs, readyCount }: Measured,
  wanted: number,
  before: ScaleMemory['panic'],
): ScaleMemory['panic'] {
  const isSudden = wanted >= PANIC_THRESHOLD * Math.max(1, readyCount);
  if (isSudden) return { atMs: nowMs, count: Math.max(wanted, before?.count ?? 0) };
  if (!before || nowMs - before.atMs >= STABLE_WINDOW_MS) return null;
  return { ...before, count: Math.max(before.count, wanted) };
}
