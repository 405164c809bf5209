/**
 * Targets that their owner expects back in a moment, and who wants to know whether a worker is connected to one already. Owned by the
 * registry; nothing of it outlives the answer.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { EXPECT_TIMEOUT_MS } from '../limits.ts';

interface Expectation {
  readonly resolve: (isReached: boolean) => void;
  readonly deadline: Timer;
}

export class ExpectedTargets {
  readonly #clock: Clock;
  /** By service and target. */
  readonly #expected = new Map<string, Expectation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when some worker says that it is connected; false when none has in time, or it is expected anew. */
  expect(service: string, targetId: string): Promise<boolean> {
    const key = keyOf(service, targetId);
    this.#settle(key, false);
    return new Promise((resolve) => {
      const deadline = this.#clock.after(EXPECT_TIMEOUT_MS, () => this.#settle(key, false));
      this.#expected.set(key, { resolve, deadline });
    });
  }

  reached(service: string, targetId: string): void {
    this.#settle(keyOf(service, targetId), true);
  }

  close(): void {
    for (const key of [...this.#expected.keys()]) this.#settle(key, false);
  }

  #settle(key: string, isReached: boolean): void {
    const expectation = this.#expected.get(key);
    if (!expectation) return;
    this.#expected.delete(key);
    expectation.deadline.cancel();
    expectation.resolve(isReached);
  }
}

/** Neither has a space. */
function keyOf(service: string, targetId: string): string {
  return `${service} ${targetId}`;
}
