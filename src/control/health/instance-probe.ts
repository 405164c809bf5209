/** Carries out one probe of one instance: owns its machine's state, its timer and its attempt under way. */
import type { Clock, Timer } from '../../base/clock.ts';
import { isLumaError, messageOf } from '../../base/errors.ts';
import type { Probe } from '../../domain/probe.ts';
import { nextProbe, type ProbeEffect, type ProbeEvent, type ProbeState } from './probe-machine.ts';

export interface InstanceProbeParts {
  readonly clock: Clock;
  readonly probe: Probe;
  /** Null: well; else why not. */
  readonly ask: (signal: AbortSignal) => Promise<string | null>;
  /** `reason`: of the last failure. */
  readonly judge: (isWell: boolean, reason: string) => void;
}

/** What the runtime says when it cannot be asked: no fault of the app. */
const ENGINE_AWAY = 'runtime_unavailable';

export class InstanceProbe {
  readonly #parts: InstanceProbeParts;
  #state: ProbeState = { phase: 'off' };
  #timer: Timer | null = null;
  #attempt: AbortController | null = null;
  #askedAtMs = 0;
  #reason = '';

  constructor(parts: InstanceProbeParts) {
    this.#parts = parts;
  }

  send(event: ProbeEvent): void {
    const { state, effects } = nextProbe(this.#state, event, this.#parts.probe);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: ProbeEffect): void {
    switch (effect.kind) {
      case 'arm':
        this.#arm(effect.first);
        return;
      case 'ask':
        void this.#ask();
        return;
      case 'hush':
        this.#hush();
        return;
      case 'judge':
        this.#parts.judge(effect.isWell, this.#reason);
        return;
    }
  }

  #arm(isFirst: boolean): void {
    const { clock, probe } = this.#parts;
    this.#timer?.cancel();
    // What was judged may have ended it meanwhile.
    if (this.#state.phase !== 'waiting') return;
    const restMs = Math.max(0, this.#askedAtMs + probe.periodMs - clock.monotonic());
    this.#timer = clock.after(isFirst ? probe.initialDelayMs : restMs, () => this.send({ kind: 'due' }));
  }

  #hush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#attempt?.abort();
    this.#attempt = null;
  }

  async #ask(): Promise<void> {
    const { clock, ask } = this.#parts;
    this.#askedAtMs = clock.monotonic();
    const attempt = new AbortController();
    this.#attempt = attempt;
    const reason = await ask(attempt.signal).catch((error: unknown) => {
      // Nothing was learnt: neither for it nor against it.
      return isLumaError(error, ENGINE_AWAY) ? undefined : messageOf(error);
    });
    if (attempt.signal.aborted) return;
    this.#attempt = null;
    if (reason === undefined) {
      this.send({ kind: 'pause' });
      this.send({ kind: 'resume' });
      return;
    }
    if (reason !== null) this.#reason = reason;
    this.send({ kind: reason === null ? 'passed' : 'failed' });
  }
}
