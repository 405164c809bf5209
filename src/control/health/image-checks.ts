/**
 * Whether the check that an image brings along condemns an instance. What it said while the instance started is no verdict: who is not
 * ready yet may well fail it. Nobody tells of it a second time, so it is looked at again when the instance serves. Owns these doubts.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { FailedChecks } from '../../runtimes/contract.ts';
import { DOUBT_LOOK_EVERY_MS } from './limits.ts';

interface Doubt {
  /** In a row, when it was seen to serve; null: it has not been looked at since. */
  failedBefore: number | null;
  timer: Timer | null;
}

export class ImageChecks {
  readonly #clock: Clock;
  readonly #look: (instanceId: string) => void;
  readonly #doubts = new Map<string, Doubt>();

  /** `look`: the runtime is asked, and what it says is `isCondemnedBy`. */
  constructor(clock: Clock, look: (instanceId: string) => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** It failed while nothing could follow from it. */
  doubt(instanceId: string): void {
    if (!this.#doubts.has(instanceId)) this.#doubts.set(instanceId, { failedBefore: null, timer: null });
  }

  /** Called after every step of the project's machine. */
  onChange(serving: ReadonlySet<string>, known: ReadonlySet<string>): void {
    for (const [id, doubt] of this.#doubts) {
      if (serving.has(id)) {
        if (doubt.timer === null) this.#lookIn(0, id, doubt);
      } else if (!known.has(id) || doubt.failedBefore !== null) this.#forget(id);
    }
  }

  /** What the runtime says of one that serves. `wasStarted`: by us, so that its start was heard of as well. */
  isCondemnedBy(instanceId: string, failed: FailedChecks | null, wasStarted: boolean): boolean {
    const doubt = this.#doubts.get(instanceId);
    if (!failed) {
      this.#forget(instanceId);
      return false;
    }
    if (!doubt || !wasStarted) {
      this.#forget(instanceId);
      return true;
    }
    if (doubt.failedBefore === null) doubt.failedBefore = failed.count;
    else if (isEnough(doubt.failedBefore, failed)) {
      this.#forget(instanceId);
      return true;
    }
    this.#lookIn(DOUBT_LOOK_EVERY_MS, instanceId, doubt);
    return false;
  }

  close(): void {
    for (const id of [...this.#doubts.keys()]) this.#forget(id);
  }

  #lookIn(delayMs: number, instanceId: string, doubt: Doubt): void {
    doubt.timer?.cancel();
    doubt.timer = this.#clock.after(delayMs, () => {
      // Somebody else may have to be asked for it before an answer comes.
      this.#lookIn(DOUBT_LOOK_EVERY_MS, instanceId, doubt);
      this.#look(instanceId);
    });
  }

  #forget(instanceId: string): void {
    this.#doubts.get(instanceId)?.timer?.cancel();
    this.#doubts.delete(instanceId);
  }
}

/**
 * As many as it takes, all begun since it serves: one may have been under way then. Docker counts on, so with a threshold of 3 and
 * 4 that failed before, the eighth condemns.
 */
export function isEnough(failedBefore: number, { count, threshold }: FailedChecks): boolean {
  return count >= failedBefore + threshold + 1;
}
