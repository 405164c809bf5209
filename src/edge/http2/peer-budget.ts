/**
 * What one peer may cost its connection without bringing anything: frames that carry nothing, streams that are reset,
 * replies that it does not read. Owns what is left of each; who spends too much ends the connection.
 */
import { FrameBudget } from './frame-budget.ts';
import type { SessionSink } from './frame-writer.ts';
import { ERROR } from './frames.ts';
import type { SessionLimits } from './session-limits.ts';

export class PeerBudget {
  readonly controlFrames: FrameBudget;
  readonly #resets: FrameBudget;
  readonly #clock: { readonly nowMs: number };
  readonly #limits: SessionLimits;
  readonly #sink: SessionSink;
  readonly #fail: (code: number, reason: string) => void;

  constructor(
    clock: { readonly nowMs: number },
    limits: SessionLimits,
    sink: SessionSink,
    fail: (code: number, reason: string) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#sink = sink;
    this.#fail = fail;
    this.controlFrames = new FrameBudget(limits.controlFrames, clock.nowMs);
    this.#resets = new FrameBudget(limits.resets, clock.nowMs);
  }

  spendControlFrame(): boolean {
    return this.controlFrames.trySpend(this.#clock.nowMs) || this.#over('too many frames that carry nothing');
  }

  spendReset(): boolean {
    return this.#resets.trySpend(this.#clock.nowMs) || this.#over('too many streams that are reset');
  }

  /** For frames that want one back: a peer that does not read them gets no more. */
  spendReply(): boolean {
    if (!this.spendControlFrame()) return false;
    return (
      this.#sink.backlogBytes <= this.#limits.replyBacklogBytesMax || this.#over('replies that are not read')
    );
  }

  #over(reason: string): false {
    this.#fail(ERROR.enhanceYourCalm, reason);
    return false;
  }
}
