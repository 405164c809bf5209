/** A clock that moves only when told to: for tests and for exploring interleavings. */
import type { Clock, Timer } from './clock.ts';

interface Armed {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class ManualClock implements Clock {
  #elapsedMs = 0;
  #order = 0;
  #wallMs: number;
  readonly #armed = new Set<Armed>();

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  /** How many timers are waiting: a test that ends with 0 has leaked none. */
  get armedCount(): number {
    return this.#armed.size;
  }

  /** Until the next timer, milliseconds; null when none waits: tells a test which of several it is. */
  get nextDueInMs(): number | null {
    const next = this.#nextDue(Number.POSITIVE_INFINITY);
    return next === undefined ? null : next.dueMs - this.#elapsedMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const armed = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, fire };
    this.#armed.add(armed);
    return { cancel: () => void this.#armed.delete(armed) };
  }

  /** Moves time on by `byMs`, firing what falls due in order, and lets promises settle in between. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + byMs;
    await settle();
    for (let next = this.#nextDue(untilMs); next; next = this.#nextDue(untilMs)) {
      this.#armed.delete(next);
      this.#moveTo(Math.max(next.dueMs, this.#elapsedMs));
      next.fire();
      await settle();
    }
    this.#moveTo(untilMs);
  }

  /** As a process that was suspended sees it: what fell due meanwhile fires late, with the next `advance`. */
  skip(byMs: number): void {
    this.#moveTo(this.#elapsedMs + byMs);
  }

  /** A jump of the wall clock (NTP, suspend): timers do not notice. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }

  #nextDue(untilMs: number): Armed | undefined {
    let next: Armed | undefined;
    for (const armed of this.#armed) {
      if (armed.dueMs > untilMs) continue;
      if (!next || armed.dueMs < next.dueMs || (armed.dueMs === next.dueMs && armed.order < next.order)) {
        next = armed;
      }
    }
    return next;
  }
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
