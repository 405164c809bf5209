/** The named timers of one project; arming one again replaces it. */
import type { Clock, Timer } from '../../base/clock.ts';

export class ProjectTimers {
  readonly #clock: Clock;
  readonly #armed = new Map<string, { readonly timer: Timer; readonly dueMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  arm(name: string, delayMs: number, fire: () => void): void {
    this.disarm(name);
    const timer = this.#clock.after(delayMs, () => {
      this.#armed.delete(name);
      fire();
    });
    this.#armed.set(name, { timer, dueMs: this.#clock.monotonic() + delayMs });
  }

  disarm(name: string): void {
    this.#armed.get(name)?.timer.cancel();
    this.#armed.delete(name);
  }

  /** Milliseconds until it fires; 0 when it is not armed. */
  leftMs(name: string): number {
    const armed = this.#armed.get(name);
    return armed ? Math.max(0, armed.dueMs - this.#clock.monotonic()) : 0;
  }

  disarmAll(): void {
    for (const { timer } of this.#armed.values()) timer.cancel();
    this.#armed.clear();
  }
}
