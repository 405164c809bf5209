/** One exchange's time as a held request: since when, until when, for what. Made when it is held first; it owns that. */
import type { Timer } from '../../base/clock.ts';
import type { EdgeCore } from './edge-core.ts';
import type { ServiceDesk } from './service-desk.ts';

export class HoldRecord {
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  /** It was held for a wake, and not merely for a slot. */
  hasMetGate = false;
  readonly #core: EdgeCore;
  readonly #desk: ServiceDesk;
  readonly #heldAtMs: number;
  /** Of the desk, when the hold began. */
  readonly #readyings: number;
  #graceTimer: Timer | null = null;

  constructor(core: EdgeCore, desk: ServiceDesk, holdTimeoutMs: number) {
    this.#core = core;
    this.#desk = desk;
    this.#heldAtMs = core.clock.monotonic();
    this.untilMs = this.#heldAtMs + holdTimeoutMs;
    this.#readyings = desk.readyings;
  }

  /** For who is to hear of a wake rather than wait for it. */
  afterGrace(answer: () => void): void {
    this.#graceTimer = this.#core.clock.after(this.#core.limits.waitGraceMs, answer);
  }

  /** It passes. How long a wake took as this request saw it; 0: it was not held for one. */
  end(): number {
    this.cancel();
    if (!this.hasMetGate || this.#desk.readyings === this.#readyings) return 0;
    const wakeMs = this.#core.clock.monotonic() - this.#heldAtMs;
    this.#desk.counts.waited(wakeMs);
    return wakeMs;
  }

  cancel(): void {
    this.#graceTimer?.cancel();
  }
}
