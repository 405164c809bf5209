/**
 * Targets that left a service and may still have exchanges. Owns their rows until they are quiet, then retires them;
 * answers who waits for one to be drained.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Board, RowAllocator } from '../../edge/board/index.ts';
import { DRAIN_PERIOD_MS } from '../limits.ts';

export interface Departed {
  readonly service: string;
  readonly targetId: string;
  readonly host: string;
  readonly port: number;
  readonly row: number;
  /** The first route table without it. */
  readonly generation: number;
}

/** No service has an empty name. */
const NOBODY = { service: '', targetId: '', host: '', port: 0 } as const;

interface Waiter {
  readonly isDrained: () => boolean;
  readonly resolve: (isDrained: boolean) => void;
  readonly deadline: Timer;
}

export class DrainWatch {
  readonly #board: Board;
  readonly #rows: RowAllocator;
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #departed = new Set<Departed>();
  readonly #waiters = new Set<Waiter>();
  #tick: Timer | undefined;

  constructor(board: Board, rows: RowAllocator, clock: Clock, nowMs: () => number) {
    this.#board = board;
    this.#rows = rows;
    this.#clock = clock;
    this.#nowMs = nowMs;
  }

  /** Its gate is closed, so what is in flight can only become less. */
  depart(target: Departed): void {
    this.#departed.add(target);
  }

  /**
   * What still runs on rows that an earlier daemon's targets have left, and nobody knows whose they were: until they are
   * quiet, no target is drained.
   */
  inherit(rows: readonly number[], generation: number): void {
    for (const row of rows) this.#departed.add({ ...NOBODY, row, generation });
  }

  of(service: string): readonly Departed[] {
    return [...this.#departed].filter((target) => target.service === service);
  }

  inFlight(target: Departed): number {
    return this.#board.totals(target.row, this.#nowMs()).inFlight;
  }

  /** Retires what is quiet. Called by who looks at the board anyway, so that rows come back without a waiter. */
  sweep(): void {
    for (const target of this.#departed) {
      if (this.inFlight(target) > 0) continue;
      this.#departed.delete(target);
      this.#rows.retire(target.row, target.generation);
    }
    for (const waiter of this.#waiters) {
      if (waiter.isDrained()) this.#settle(waiter, true);
    }
  }

  /** True when the target has left (`isCurrent` says no) and nothing runs on it; false after `timeoutMs`. */
  drained(service: string, targetId: string, timeoutMs: number, isCurrent: () => boolean): Promise<boolean> {
    const isDrained = (): boolean =>
      !isCurrent() &&
      this.of(NOBODY.service).length === 0 &&
      !this.of(service).some((target) => target.targetId === targetId);
    this.sweep();
    if (isDrained()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const deadline = this.#clock.after(timeoutMs, () => this.#settle(waiter, false));
      const waiter: Waiter = { isDrained, resolve, deadline };
      this.#waiters.add(waiter);
      this.#keepLooking();
    });
  }

  close(): void {
    this.#tick?.cancel();
    for (const waiter of this.#waiters) this.#settle(waiter, false);
  }

  #settle(waiter: Waiter, isDrained: boolean): void {
    waiter.deadline.cancel();
    this.#waiters.delete(waiter);
    waiter.resolve(isDrained);
  }

  #keepLooking(): void {
    if (this.#tick || this.#waiters.size === 0) return;
    this.#tick = this.#clock.after(DRAIN_PERIOD_MS, () => {
      this.#tick = undefined;
      this.sweep();
      this.#keepLooking();
    });
  }
}
