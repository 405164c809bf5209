/**
 * Gives memory back after a burst: the engine's own collector runs when memory is wanted, not when work is over, so
 * a process that published a thousand services and then waits would keep their garbage. Owns one timer.
 */
import type { Clock, Timer } from './clock.ts';

/** Long enough after the last change that a start-up, a deploy or a wake is over: collecting stops everything else. */
const SETTLED_AFTER_MS = 5_000;

export class HeapTrim {
  readonly #clock: Clock;
  readonly #collect: () => void;
  #timer: Timer | null = null;

  /** `collect`: a full collection, some 10 ms for 20 MB. */
  constructor(clock: Clock, collect: () => void = () => Bun.gc(true)) {
    this.#clock = clock;
    this.#collect = collect;
  }

  /** Something was done that leaves garbage behind. */
  touched(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(SETTLED_AFTER_MS, () => {
      this.#timer = null;
      this.#collect();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
