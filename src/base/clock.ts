/** Time as an argument: everything that waits takes a Clock, so tests run without sleeping. */

export interface Timer {
  /** Stops the timer; harmless when it already fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Milliseconds that never go backwards; only differences mean anything. */
  monotonic(): number;
  /** Runs `fire` once after `delayMs` milliseconds. */
  after(delayMs: number, fire: () => void): Timer;
}

/** setTimeout fires at once beyond this; longer waits are made of several. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    let handle: ReturnType<typeof setTimeout>;
    const arm = (leftMs: number): void => {
      const partMs = Math.min(leftMs, LONGEST_TIMEOUT_MS);
      handle = setTimeout(() => (partMs < leftMs ? arm(leftMs - partMs) : fire()), partMs);
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs` on the given clock, or rejects with the signal's reason. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
