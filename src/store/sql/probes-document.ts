/** Probes as they are stored. Revisions from before there were any have none. */
import { z } from 'zod';
import type { Probe, ProbeCheck, Probes, StartupProbe } from '../../domain/probe.ts';

const checkDocument = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http_get'),
    path: z.string(),
    port: z.number().nullable(),
    headers: z.record(z.string(), z.string()),
  }),
  z.strictObject({ kind: z.literal('tcp_socket'), port: z.number().nullable() }),
  z.strictObject({ kind: z.literal('exec'), command: z.array(z.string()) }),
]);

const timesShape = {
  check: checkDocument,
  initial_delay_ms: z.number(),
  timeout_ms: z.number(),
  period_ms: z.number(),
};

const startupDocument = z.strictObject({ ...timesShape, failure_threshold: z.number().nullable() });
const probeDocument = z.strictObject({
  ...timesShape,
  failure_threshold: z.number(),
  success_threshold: z.number(),
});

export const probesDocument = z
  .strictObject({
    startup: startupDocument.nullable(),
    liveness: probeDocument.nullable(),
    readiness: probeDocument.nullable(),
  })
  .default({ startup: null, liveness: null, readiness: null });

type ProbesDocument = z.output<typeof probesDocument>;
type Times = Pick<StartupProbe, 'check' | 'initialDelayMs' | 'timeoutMs' | 'periodMs'>;

export function toProbesDocument({ startup, liveness, readiness }: Probes): ProbesDocument {
  return {
    startup: startup && { ...toTimes(startup), failure_threshold: startup.failureThreshold },
    liveness: liveness && toProbe(liveness),
    readiness: readiness && toProbe(readiness),
  };
}

export function fromProbesDocument({ startup, liveness, readiness }: ProbesDocument): Probes {
  return {
    startup: startup && { ...fromTimes(startup), failureThreshold: startup.failure_threshold },
    liveness: liveness && fromProbe(liveness),
    readiness: readiness && fromProbe(readiness),
  };
}

function toProbe(probe: Probe): z.output<typeof probeDocument> {
  const { failureThreshold, successThreshold } = probe;
  return {
    ...toTimes(probe),
    failure_threshold: failureThreshold,
    success_threshold: successThreshold,
  };
}

function fromProbe(document: z.output<typeof probeDocument>): Probe {
  const { failure_threshold: failureThreshold, success_threshold: successThreshold } = document;
  return { ...fromTimes(document), failureThreshold, successThreshold };
}

function toTimes({ check, initialDelayMs, timeoutMs, periodMs }: Times) {
  return {
    check: toCheck(check),
    initial_delay_ms: initialDelayMs,
    timeout_ms: timeoutMs,
    period_ms: periodMs,
  };
}

function toCheck(check: ProbeCheck): z.output<typeof checkDocument> {
  return check.kind === 'exec' ? { kind: 'exec', command: [...check.command] } : { ...check };
}

function fromTimes(document: {
  readonly check: z.output<typeof checkDocument>;
  readonly initial_delay_ms: number;
  readonly timeout_ms: number;
  readonly period_ms: number;
}): Times {
  return {
    check: document.check,
    initialDelayMs: document.initial_delay_ms,
    timeoutMs: document.timeout_ms,
    periodMs: document.period_ms,
  };
}
