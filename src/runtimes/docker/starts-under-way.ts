/** How many starts somebody waits for: what can be done at any time waits until there is none. Owns the count. */
import type { Clock } from '../../base/clock.ts';

export class StartsUnderWay {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run<T>(start: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await start();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const tell of [...this.#listeners]) tell();
    }
  }

  /** Resolves when none is under way, or after `limitMs`: a machine that never rests must not put things off for ever. */
  whenNone(limitMs: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#listeners.delete(end);
        resolve();
      };
      const timer = this.#clock.after(limitMs, end);
      this.#listeners.add(end);
    });
  }
}
