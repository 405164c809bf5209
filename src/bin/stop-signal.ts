/** Ctrl-C and SIGTERM: the first asks everything to stop in order, the second ends the process at once. */
import { type Clock, systemClock } from '../base/clock.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a shell expects of a process that was interrupted. */
const INTERRUPTED = 130;

/** One wish can come as two signals: timeout(1) and others tell the process, and then its whole group. */
const ECHO_MS = 100;

/** The process, as far as signals are concerned. */
export interface SignalledProcess {
  on(name: (typeof SIGNALS)[number], listener: () => void): unknown;
  exit(code: number): void;
}

export interface StopSignal {
  readonly signal: AbortSignal;
  /** Runs, synchronously, before the process ends at once. */
  beforeForcedExit(run: () => void): void;
}

export function listenForStop(clock: Clock = systemClock, own: SignalledProcess = process): StopSignal {
  let firstMs = 0;
  const control = new AbortController();
  const lastWords: (() => void)[] = [];
  for (const name of SIGNALS) {
    own.on(name, () => {
      if (!control.signal.aborted) {
        firstMs = clock.monotonic();
        return control.abort();
      }
      if (clock.monotonic() - firstMs < ECHO_MS) return;
      for (const run of lastWords) run();
      own.exit(INTERRUPTED);
    });
  }
  return { signal: control.signal, beforeForcedExit: (run) => void lastWords.push(run) };
}
