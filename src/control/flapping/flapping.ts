/** Whether a project wakes and sleeps, or crashes, too often: told once, and again only after it has stopped. Pure. */
import { FLAPPING_CRASHES, FLAPPING_WAKES, FLAPPING_WINDOW_MS, MOMENTS_MAX } from './limits.ts';

export type Happening = 'slept' | 'woken' | 'crashed';

export interface FlappingState {
  /** It has slept since it was woken last: a thaw, or a deploy, is no flapping. */
  readonly slept: boolean;
  /** When it was woken out of a sleep, and when it crashed: those of the last window. */
  readonly wakes: readonly number[];
  readonly crashes: readonly number[];
  readonly isFlapping: boolean;
}

export interface FlappingReport {
  readonly wakes: number;
  readonly crashes: number;
}

export interface FlappingStep {
  readonly state: FlappingState;
  readonly report: FlappingReport | null;
}

export const steady: FlappingState = { slept: false, wakes: [], crashes: [], isFlapping: false };

export function noteHappening(state: FlappingState, happening: Happening, at: number): FlappingStep {
  const recent = (moments: readonly number[]): readonly number[] =>
    moments.filter((moment) => at - moment < FLAPPING_WINDOW_MS);
  const before = { wakes: recent(state.wakes), crashes: recent(state.crashes) };
  // It has stopped when less than half of what is too much is left.
  const goesOn = before.wakes.length * 2 >= FLAPPING_WAKES || before.crashes.length * 2 >= FLAPPING_CRASHES;
  const wasFlapping = state.isFlapping && goesOn;
  const isCycle = happening === 'woken' && state.slept;
  const wakes = isCycle ? [...before.wakes, at].slice(-MOMENTS_MAX) : before.wakes;
  const crashes = happening === 'crashed' ? [...before.crashes, at].slice(-MOMENTS_MAX) : before.crashes;
  const isTooMuch = wakes.length >= FLAPPING_WAKES || crashes.length >= FLAPPING_CRASHES;
  const slept = happening === 'slept' || (happening !== 'woken' && state.slept);
  return {
    state: { slept, wakes, crashes, isFlapping: wasFlapping || isTooMuch },
    report: isTooMuch && !wasFlapping ? { wakes: wakes.length, crashes: crashes.length } : null,
  };
}
