/**
 * One exchange's tries at targets that refuse: which have refused, how long it goes on, and the pause before the next
 * look at the gate. Made by the first refusal; it owns the timer.
 */
import type { Timer } from '../../base/clock.ts';
import type { ServiceRoute } from '../routing/service-route.ts';
import type { EdgeCore } from './edge-core.ts';

export class Retries {
  /** Not to be chosen until the next pause. */
  refusedIds: readonly string[] = NOBODY;
  readonly #core: EdgeCore;
  /** Since the first refusal without another target to try, monotonic milliseconds. */
  #untilMs = 0;
  #pauseMs = 0;
  #timer: Timer | null = null;

  constructor(core: EdgeCore) {
    this.#core = core;
  }

  /** Whether there is another target to try at once. */
  refused(targetId: string, route: ServiceRoute): boolean {
    this.refusedIds = [...this.refusedIds, targetId];
    return route.targets.some(({ id, state }) => state === 'ready' && !this.refusedIds.includes(id));
  }

  /** False: the time for it is over. */
  tryLater(again: () => void): boolean {
    const { clock, limits } = this.#core;
    const nowMs = clock.monotonic();
    if (this.#untilMs === 0) {
      this.#untilMs = nowMs + limits.retryMs;
      this.#pauseMs = limits.retryPauseMinMs;
    }
    if (nowMs >= this.#untilMs) return false;
    this.#timer = clock.after(this.#pauseMs, () => {
      this.#timer = null;
      this.refusedIds = NOBODY;
      again();
    });
    this.#pauseMs = Math.min(limits.retryPauseMaxMs, this.#pauseMs * 2);
    return true;
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

/** Shared while nobody has refused. */
export const NOBODY: readonly string[] = [];
