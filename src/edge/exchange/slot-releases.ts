/**
 * Who may take a released slot first. One per service; owns when slots were last offered to the other workers: a busy
 * worker that always served its own queue would starve theirs.
 */
import type { Clock, Timer } from '../../base/clock.ts';

export interface SlotReleaseLimits {
  readonly slotShareMs: number;
  readonly slotAnnounceMs: number;
}

export class SlotReleases {
  readonly #clock: Clock;
  readonly #limits: SlotReleaseLimits;
  readonly #announce: () => void;
  #announcedAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(clock: Clock, limits: SlotReleaseLimits, announce: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#announce = announce;
  }

  /** Whether this worker may take the slot at once. If not, it looks with the others when the release is announced. */
  mayTake(hasWaiters: boolean, doOthersWait: boolean): boolean {
    if (!doOthersWait) return true;
    const sinceMs = this.#clock.monotonic() - this.#announcedAtMs;
    if (hasWaiters && sinceMs < this.#limits.slotShareMs) return true;
    if (sinceMs >= this.#limits.slotAnnounceMs) this.#announceNow();
    else this.#timer ??= this.#clock.after(this.#limits.slotAnnounceMs - sinceMs, () => this.#announceNow());
    return false;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #announceNow(): void {
    this.close();
    this.#announcedAtMs = this.#clock.monotonic();
    this.#announce();
  }
}
