/**
 * Whether the engine answers at all while one of its calls takes long: a start may take a minute on a busy machine, but
 * an engine that hangs should be known within seconds. Owns the one ping that may be under way.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from './limits.ts';

export class Pulse {
  readonly #clock: Clock;
  readonly #ping: (signal: AbortSignal) => Promise<unknown>;
  #asking: Promise<boolean> | null = null;

  constructor(clock: Clock, ping: (signal: AbortSignal) => Promise<unknown>) {
    this.#clock = clock;
    this.#ping = ping;
  }

  /** Asks now and then until `lift`; calls `onSilence` once if nothing comes back. */
  watch(onSilence: () => void): { readonly lift: () => void } {
    let isLifted = false;
    let timer: Timer;
    const arm = (): void => {
      timer = this.#clock.after(limits.pulseEveryMs, async () => {
        const isAlive = await this.#ask();
        if (isLifted) return;
        if (isAlive) arm();
        else onSilence();
      });
    };
    arm();
    const lift = (): void => {
      isLifted = true;
      timer.cancel();
    };
    return { lift };
  }

  /** One question for all who ask at the same time. */
  #ask(): Promise<boolean> {
    this.#asking ??= this.#answered().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  #answered(): Promise<boolean> {
    const abort = new AbortController();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#clock.after(limits.pulseMs, () => {
      resolve(false);
      abort.abort();
    });
    // Refused, broken off, or an answer that says "no": the call itself will tell why.
    this.#ping(abort.signal).then(
      () => resolve(true),
      () => resolve(false),
    );
    return promise.finally(() => timer.cancel());
  }
}
