/** Not waiting for ever: a call whose reply never comes is given up, so that the project can go on. */
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';

/** A runtime that was told to break a call off has this long to do so. */
const ABORT_PATIENCE_MS = 10_000;

/** Rejects with `runtime_unavailable` when the work has not ended `limitMs` after now, or 10 s after the signal. */
export function withPatience<T>(
  work: Promise<T>,
  clock: Clock,
  what: string,
  limits: { readonly limitMs?: number; readonly signal?: AbortSignal },
): Promise<T> {
  const { limitMs, signal } = limits;
  return new Promise((resolve, reject) => {
    const timers: Timer[] = [];
    const giveUpAfter = (delayMs: number): void => {
      timers.push(clock.after(delayMs, () => end(() => reject(runtimeSilence(what)))));
    };
    const onAbort = (): void => giveUpAfter(ABORT_PATIENCE_MS);
    const end = (settle: () => void): void => {
      for (const timer of timers) timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    if (limitMs !== undefined) giveUpAfter(limitMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}

export function runtimeSilence(what: string): LumaError {
  return new LumaError('runtime_unavailable', `the runtime did not answer: ${what}`, {
    hint: 'check that it is well; Luma keeps trying',
  });
}
