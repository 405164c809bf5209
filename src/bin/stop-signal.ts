/** Ctrl-C and SIGTERM: the first asks everything to stop in order, the second ends the process at once. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a shell expects of a process that was interrupted. */
const INTERRUPTED = 130;

export interface StopSignal {
  readonly signal: AbortSignal;
  /** Runs, synchronously, before the process ends at once. */
  beforeForcedExit(run: () => void): void;
}

export function listenForStop(): StopSignal {
  const control = new AbortController();
  const lastWords: (() => void)[] = [];
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (!control.signal.aborted) return control.abort();
      for (const run of lastWords) run();
      process.exit(INTERRUPTED);
    });
  }
  return { signal: control.signal, beforeForcedExit: (run) => void lastWords.push(run) };
}
