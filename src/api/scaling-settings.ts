/** Between what people send about scaling and the domain's settings. */
import { formatDuration, parseDuration } from '../base/duration.ts';
import { DEFAULT_SCALING, type ScalingSettings } from '../domain/project.ts';
import type { CodedFieldProblem } from './field-problems.ts';
import type { ProjectJson } from './schemas/responses.ts';

export interface ScalingInput {
  min_instances?: number | null | undefined;
  max_instances?: number | null | undefined;
  concurrency?: number | null | undefined;
  target_utilization?: number | null | undefined;
  session_affinity?: boolean | null | undefined;
  freeze_after?: string | null | undefined;
}

type ScalingJson = Pick<ProjectJson, keyof ScalingInput>;

export function toScaling(input: ScalingInput): ScalingSettings {
  const { freeze_after: freeze } = input;
  return {
    minInstances: input.min_instances ?? DEFAULT_SCALING.minInstances,
    maxInstances: input.max_instances ?? DEFAULT_SCALING.maxInstances,
    concurrency: input.concurrency ?? DEFAULT_SCALING.concurrency,
    targetUtilization: input.target_utilization ?? DEFAULT_SCALING.targetUtilization,
    sessionAffinity: input.session_affinity ?? DEFAULT_SCALING.sessionAffinity,
    freezeAfterMs: freeze == null || freeze === 'never' ? null : parseDuration(freeze),
  };
}

export function toScalingJson(scaling: ScalingSettings): ScalingJson {
  const { freezeAfterMs } = scaling;
  return {
    min_instances: scaling.minInstances,
    max_instances: scaling.maxInstances,
    concurrency: scaling.concurrency,
    target_utilization: scaling.targetUtilization,
    session_affinity: scaling.sessionAffinity,
    freeze_after: freezeAfterMs === null ? 'never' : formatDuration(freezeAfterMs),
  };
}

/** Rules over several fields; they look at the raw body. */
export function scalingProblems(
  fields: Readonly<Record<string, unknown>>,
  isGiven: (field: string) => boolean,
  idleMs: number | null,
): CodedFieldProblem[] {
  const problems: CodedFieldProblem[] = [];
  const least = fields['min_instances'] ?? DEFAULT_SCALING.minInstances;
  const most = fields['max_instances'] ?? DEFAULT_SCALING.maxInstances;
  if (typeof least === 'number' && typeof most === 'number' && least > most) {
    const field = isGiven('min_instances') ? 'min_instances' : 'max_instances';
    const message = `min_instances (${least}) must not be more than max_instances (${most})`;
    problems.push({ field, code: 'min_above_max', message, value: fields[field] });
  }
  const freezeMs = typeof fields['freeze_after'] === 'string' ? parseDuration(fields['freeze_after']) : null;
  if (freezeMs !== null && idleMs !== null && freezeMs >= idleMs) {
    const field = isGiven('freeze_after') ? 'freeze_after' : 'idle_timeout';
    const message = `freeze_after (${formatDuration(freezeMs)}) must be shorter than idle_timeout (${formatDuration(idleMs)})`;
    problems.push({ field, code: 'freeze_not_shorter_than_idle', message, value: fields[field] });
  }
  return problems;
}
