/** What is asked of an instance to know how it is, after validation and with defaults filled in. Pure. */

/** Well means: a 2xx answer, an accepted connection, exit status 0. */
export type ProbeCheck =
  | {
      readonly kind: 'http_get';
      /** Origin form, e.g. `/healthz`. */
      readonly path: string;
      /** Null: the port the app listens on. */
      readonly port: number | null;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'tcp_socket'; readonly port: number | null }
  /** In the container, or in the process's environment. */
  | { readonly kind: 'exec'; readonly command: readonly string[] };

/** Asked of an instance that has answered once. */
export interface Probe {
  readonly check: ProbeCheck;
  /** From its first answer to the first question. Default 0. */
  readonly initialDelayMs: number;
  /** How long one attempt may take; at most `periodMs`. */
  readonly timeoutMs: number;
  /** From one question to the next. */
  readonly periodMs: number;
  /** So many failures in a row count. */
  readonly failureThreshold: number;
  /** So many successes in a row make a failed one well again. */
  readonly successThreshold: number;
}

/** Asked of an instance that starts, quickly: `periodMs` is only the longest pause. */
export interface StartupProbe {
  readonly check: ProbeCheck;
  /** Failures in this time do not count; it is asked all the same, so that who is quick is not kept waiting. */
  readonly initialDelayMs: number;
  readonly timeoutMs: number;
  readonly periodMs: number;
  /** So many periods a start may take after the initial delay; null: as long as the project's wake timeout. */
  readonly failureThreshold: number | null;
}

export interface Probes {
  readonly startup: StartupProbe | null;
  /** Fails: the instance is replaced. */
  readonly liveness: Probe | null;
  /** Fails: it gets no new exchanges until it is well again. */
  readonly readiness: Probe | null;
}

export const NO_PROBES: Probes = { startup: null, liveness: null, readiness: null };

/** Those of Cloud Run, but for the start, where one slow answer must not be cut off. */
export const PROBE_DEFAULTS = {
  initialDelayMs: 0,
  timeoutMs: 1_000,
  startupTimeoutMs: 5_000,
  periodMs: 10_000,
  failureThreshold: 3,
  successThreshold: 1,
} as const;

/** How a start is known to have worked; `health_check` is the short form. Null: an open port is enough. */
export function startupOf(settings: {
  readonly probes: Probes;
  readonly healthCheck: { readonly path: string; readonly timeoutMs: number } | null;
}): StartupProbe | null {
  const { probes, healthCheck } = settings;
  if (probes.startup || !healthCheck) return probes.startup;
  return {
    check: { kind: 'http_get', path: healthCheck.path, port: null, headers: {} },
    initialDelayMs: PROBE_DEFAULTS.initialDelayMs,
    timeoutMs: healthCheck.timeoutMs,
    periodMs: PROBE_DEFAULTS.periodMs,
    failureThreshold: null,
  };
}

/**
 * How long a start may take: initial delay + periods × threshold, or the wake timeout.
 * Example: 10 s, then 24 times 10 s: 250 s.
 */
export function startAllowanceMs(startup: StartupProbe | null, wakeTimeoutMs: number): number {
  if (!startup || startup.failureThreshold === null) return wakeTimeoutMs;
  return startup.initialDelayMs + startup.periodMs * startup.failureThreshold;
}

/**
 * By when a liveness probe has had its say about an instance that just answered: so long a failure is news.
 * Example: delay 5 s, period 10 s, threshold 3, timeout 1 s: 36 s.
 */
export function condemnationMs(liveness: Probe | null): number {
  if (!liveness) return 0;
  const { initialDelayMs, periodMs, failureThreshold, timeoutMs } = liveness;
  return initialDelayMs + periodMs * failureThreshold + timeoutMs;
}

/** As people write it down. */
export function checkText(check: ProbeCheck): string {
  switch (check.kind) {
    case 'http_get':
      return check.port === null ? `GET ${check.path}` : `GET ${check.path} on port ${check.port}`;
    case 'tcp_socket':
      return check.port === null ? 'a connection' : `a connection to port ${check.port}`;
    case 'exec':
      return `the command ${check.command[0] ?? ''}`;
  }
}
