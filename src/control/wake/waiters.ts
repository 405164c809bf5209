/** People who wait for the outcome of what they asked. All who wait for the same thing hear the same. */
import type { Clock } from '../../base/clock.ts';
import type { Outcome } from '../projects/project-effect.ts';

type About = Outcome['about'];
type OutcomeOf<A extends About> = Extract<Outcome, { about: A }>;

interface Waiter {
  readonly about: About;
  readonly hear: (outcome: Outcome | null) => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** `null` after `timeoutMs` or when all are dismissed; rejects with the signal's reason. */
  wait<A extends About>(
    about: A,
    limits?: { clock: Clock; timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<OutcomeOf<A> | null> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        timer?.cancel();
        limits?.signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(limits?.signal?.reason);
      };
      const waiter: Waiter = {
        about,
        hear: (outcome) => {
          end();
          resolve(outcome as OutcomeOf<A> | null);
        },
      };
      const timer = limits?.clock.after(limits.timeoutMs, () => {
        end();
        resolve(null);
      });
      this.#waiting.add(waiter);
      if (limits?.signal?.aborted) onAbort();
      else limits?.signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  tell(outcome: Outcome): void {
    for (const waiter of [...this.#waiting]) if (waiter.about === outcome.about) waiter.hear(outcome);
  }

  /** Nobody will be told any more. */
  dismiss(): void {
    for (const waiter of [...this.#waiting]) waiter.hear(null);
  }
}
