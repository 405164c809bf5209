/**
 * Gives memory back after a burst: the engine collects when memory is wanted, not when work is over, so a process that
 * published a thousand services and then waits would keep their garbage, and code that ran once. Owns one timer.
 */
import type { Clock, Timer } from './clock.ts';

/** Long enough after the last change that a start-up or a deploy is over: collecting stops everything else. */
const SETTLED_AFTER_MS = 5_000;

/** So many changes make a burst: what ordinary wakes leave behind the engine collects well, and their code stays compiled. */
const BURST_CHANGES = 100;

export class HeapTrim {
  readonly #clock: Clock;
  readonly #shrink: () => void;
  #changes = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, shrink: () => void = shrinkNow) {
    this.#clock = clock;
    this.#shrink = shrink;
  }

  /** The process has started: a burst, however little it had to do. */
  started(): void {
    this.#changes = BURST_CHANGES;
    this.changed();
  }

  changed(): void {
    this.#changes++;
    if (this.#changes < BURST_CHANGES) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(SETTLED_AFTER_MS, () => {
      this.#timer = null;
      this.#changes = 0;
      this.#shrink();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

/** Some 20 ms for 20 MB; then code is compiled again when it is called. */
function shrinkNow(): void {
  Bun.gc(true);
  Bun.shrink();
}
