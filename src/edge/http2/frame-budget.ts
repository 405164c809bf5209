/**
 * How many frames of a kind a peer may still send: some at once, then so many a second, and more for work that was
 * done for it. One per connection and kind; owns what is left.
 */
export interface BudgetLimits {
  readonly burst: number;
  readonly perSecond: number;
}

export class FrameBudget {
  readonly #limits: BudgetLimits;
  #left: number;
  #refilledAtMs: number;

  constructor(limits: BudgetLimits, nowMs: number) {
    this.#limits = limits;
    this.#left = limits.burst;
    this.#refilledAtMs = nowMs;
  }

  /** False: the peer has sent too many. */
  trySpend(nowMs: number): boolean {
    if (nowMs > this.#refilledAtMs) {
      const earned = ((nowMs - this.#refilledAtMs) / 1000) * this.#limits.perSecond;
      this.#left = Math.min(this.#limits.burst, this.#left + earned);
      this.#refilledAtMs = nowMs;
    }
    this.#left--;
    return this.#left >= 0;
  }

  /** Something was sent that such frames are an answer to. */
  earn(count: number): void {
    if (this.#left < this.#limits.burst) this.#left = Math.min(this.#limits.burst, this.#left + count);
  }
}
