/**
 * One coarse timer for all deadlines of a worker. Each owner keeps its own `dueMs` and may change it at any time
 * for the price of a store; the sweep owns only the set of owners and the tick.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { Roster } from '../../base/roster.ts';

export interface DeadlineOwner {
  /** Monotonic milliseconds; Infinity: none. */
  dueMs: number;
  /** Its place in the sweep, which is the sweep's business; NOWHERE at first. */
  sweepPlace: number;
  /** Called at the tick after `dueMs`, again at each tick until the owner moves it or leaves. */
  onDeadline(nowMs: number): void;
}

class Owners extends Roster<DeadlineOwner> {
  protected override placeOf(owner: DeadlineOwner): number {
    return owner.sweepPlace;
  }

  protected override setPlace(owner: DeadlineOwner, place: number): void {
    owner.sweepPlace = place;
  }
}

export class DeadlineSweep {
  /** The time of the last tick: at most `sweepMs` behind, good enough to set deadlines by. */
  nowMs: number;
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #owners = new Owners();
  readonly #onError: (error: unknown) => void;
  #timer: Timer | null = null;

  constructor(clock: Clock, sweepMs: number, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
    this.#onError = onError;
    this.nowMs = clock.monotonic();
  }

  get size(): number {
    return this.#owners.size;
  }

  add(owner: DeadlineOwner): void {
    this.#owners.add(owner);
    if (this.#timer !== null) return;
    this.nowMs = this.#clock.monotonic();
    this.#timer = this.#clock.after(this.#sweepMs, this.#tick);
  }

  remove(owner: DeadlineOwner): void {
    this.#owners.delete(owner);
    if (this.#owners.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  readonly #tick = (): void => {
    this.#timer = null;
    const nowMs = this.#clock.monotonic();
    this.nowMs = nowMs;
    // Who is passed over is met at the next tick.
    this.#owners.eachRoughly((owner) => {
      if (owner.dueMs > nowMs) return;
      try {
        owner.onDeadline(nowMs);
      } catch (error) {
        this.#onError(error);
      }
    });
    if (this.#owners.size > 0) this.#timer = this.#clock.after(this.#sweepMs, this.#tick);
  };
}
