/**
 * When a change of the registry is true: every worker has it, it is on disk, and what had to drain is quiet. Owns
 * nothing but whether there is no time left.
 */
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { CUT_TIMEOUT_MS, DRAIN_PERIOD_MS } from '../limits.ts';
import type { Departed } from '../services/drain-watch.ts';
import type { Registry } from '../services/registry.ts';

export interface SettlingParts {
  readonly registry: () => Registry;
  readonly clock: Clock;
  /** Resolves when every worker acts by the table as it is now. */
  readonly acknowledged: () => Promise<void>;
  /** Resolves when everything up to now is on disk; rejects with `state_not_saved`. */
  readonly save: () => Promise<void>;
  /** Tells every worker to end what runs on targets that have left. */
  readonly cut: (service: string, targetIds: readonly string[]) => void;
}

export class Settling {
  readonly #parts: SettlingParts;
  #isHurried = false;

  constructor(parts: SettlingParts) {
    this.#parts = parts;
  }

  /** The daemon hands over: nothing is waited for any more. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** Every worker has it, and so has the disk. */
  async settle(): Promise<void> {
    await Promise.all([this.#parts.acknowledged(), this.#parts.save()]);
  }

  /** Until nothing runs on the service, or the time is over: then what runs goes on. */
  async quiet(name: string, timeoutMs: number): Promise<void> {
    const { registry } = this.#parts;
    await this.#until(timeoutMs, () => {
      const entry = registry().find(name);
      return !entry || registry().runner.activity(entry).inFlight === 0;
    });
  }

  /** Resolves with the number of exchanges that were cut. */
  async drain(name: string, targetIds: readonly string[], timeoutMs: number): Promise<number> {
    const { registry, cut } = this.#parts;
    const left = (): Departed[] => {
      const { drains } = registry();
      drains.sweep();
      return drains.of(name).filter(({ targetId }) => targetIds.includes(targetId));
    };
    const running = (): number => left().reduce((sum, target) => sum + registry().drains.inFlight(target), 0);
    await this.#until(timeoutMs, () => running() === 0);
    const count = running();
    if (count === 0 || this.#isHurried) return 0;
    cut(
      name,
      left().map(({ targetId }) => targetId),
    );
    await this.#until(CUT_TIMEOUT_MS, () => running() === 0);
    return count;
  }

  async #until(timeoutMs: number, isTrue: () => boolean): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonic() + timeoutMs;
    while (!isTrue() && !this.#isHurried && clock.monotonic() < deadlineMs)
      await delay(clock, DRAIN_PERIOD_MS);
  }
}
