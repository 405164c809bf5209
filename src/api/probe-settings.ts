/** Probes between what people send, the domain, and what the API answers. */
import { formatDuration, parseDuration } from '../base/duration.ts';
import { assert } from '../base/errors.ts';
import {
  NO_PROBES,
  PROBE_DEFAULTS,
  type Probe,
  type ProbeCheck,
  type Probes,
  type StartupProbe,
} from '../domain/probe.ts';
import type { CodedFieldProblem } from './field-problems.ts';
import type { ProbeInput, ProbesInput, StartupInput } from './schemas/probes-input.ts';
import type { LivenessProbeJson, ProbesJson, StartupProbeJson } from './schemas/responses.ts';

export function toProbes(input: ProbesInput | null | undefined): Probes {
  if (!input) return NO_PROBES;
  return {
    startup: input.startup ? toStartup(input.startup) : null,
    liveness: input.liveness ? toProbe(input.liveness) : null,
    readiness: input.readiness ? toProbe(input.readiness) : null,
  };
}

export function toProbesJson({ startup, liveness, readiness }: Probes): ProbesJson {
  return {
    startup: startup && toStartupJson(startup),
    liveness: liveness && toProbeJson(liveness),
    readiness: readiness && { ...toProbeJson(readiness), success_threshold: readiness.successThreshold },
  };
}

/** `health_check` says the same as a startup probe, in short: only one of them can be meant. */
export function probesProblems(
  fields: Readonly<Record<string, unknown>>,
  isGiven: (field: string) => boolean,
): CodedFieldProblem[] {
  const { probes, health_check: healthCheck } = fields;
  const hasStartup =
    typeof probes === 'object' && probes !== null && 'startup' in probes && probes.startup != null;
  if (!hasStartup || healthCheck == null) return [];
  const message = 'cannot stand beside health_check, which is its short form: set one of them to null';
  const field = isGiven('probes') ? 'probes.startup' : 'health_check';
  const words = field === 'health_check' ? message.replace('health_check', 'probes.startup') : message;
  return [{ field, code: 'not_allowed', message: words }];
}

function toStartup(input: StartupInput): StartupProbe {
  return {
    ...toTimes(input, PROBE_DEFAULTS.startupTimeoutMs),
    failureThreshold: input.failure_threshold ?? null,
  };
}

function toProbe(input: ProbeInput): Probe {
  return {
    ...toTimes(input, PROBE_DEFAULTS.timeoutMs),
    failureThreshold: input.failure_threshold ?? PROBE_DEFAULTS.failureThreshold,
    successThreshold: input.success_threshold ?? PROBE_DEFAULTS.successThreshold,
  };
}

function toTimes(input: StartupInput | ProbeInput, standardTimeoutMs: number) {
  const periodMs = toMilliseconds(input.period, PROBE_DEFAULTS.periodMs);
  return {
    check: toCheck(input),
    initialDelayMs: toMilliseconds(input.initial_delay, PROBE_DEFAULTS.initialDelayMs),
    timeoutMs: toMilliseconds(input.timeout, Math.min(standardTimeoutMs, periodMs)),
    periodMs,
  };
}

function toCheck({ http_get: get, tcp_socket: socket, exec }: StartupInput | ProbeInput): ProbeCheck {
  if (get) {
    return { kind: 'http_get', path: get.path, port: get.port ?? null, headers: get.headers ?? {} };
  }
  if (socket) return { kind: 'tcp_socket', port: socket.port ?? null };
  assert(exec, 'a probe was validated: it has one check');
  return { kind: 'exec', command: exec.command };
}

function toStartupJson(startup: StartupProbe): StartupProbeJson {
  return { ...toTimesJson(startup), failure_threshold: startup.failureThreshold };
}

function toProbeJson(probe: Probe): LivenessProbeJson {
  return { ...toTimesJson(probe), failure_threshold: probe.failureThreshold };
}

function toTimesJson({ check, initialDelayMs, timeoutMs, periodMs }: Omit<StartupProbe, 'failureThreshold'>) {
  const { kind } = check;
  return {
    http_get: kind === 'http_get' ? { path: check.path, port: check.port, headers: check.headers } : null,
    tcp_socket: kind === 'tcp_socket' ? { port: check.port } : null,
    exec: kind === 'exec' ? { command: [...check.command] } : null,
    initial_delay: formatDuration(initialDelayMs),
    timeout: formatDuration(timeoutMs),
    period: formatDuration(periodMs),
  };
}

/** Of a text the schema has accepted. */
function toMilliseconds(text: string | null | undefined, standardMs: number): number {
  if (text == null) return standardMs;
  const durationMs = parseDuration(text);
  assert(durationMs !== null, `a duration was validated: ${text}`);
  return durationMs;
}
