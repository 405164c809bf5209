/** Between what people send about dependencies, groups and schedules, the domain, and what the API answers. */
import { formatDuration, parseDuration } from '../base/duration.ts';
import { DEFAULT_KEEPING, type Keep, type KeepingSettings, type Schedule } from '../domain/keeping.ts';
import type { DependencyInput, ScheduleInput } from './schemas/keeping-input.ts';
import type { KeepJson, ProjectJson, ScheduleJson } from './schemas/responses.ts';

export interface KeepingInput {
  depends_on?: readonly DependencyInput[] | null | undefined;
  group?: string | null | undefined;
  schedules?: readonly ScheduleInput[] | null | undefined;
}

export function toKeeping({ depends_on: dependsOn, group, schedules }: KeepingInput): KeepingSettings {
  return {
    dependsOn:
      dependsOn?.map(({ project, condition }) => ({ project, condition: condition ?? 'ready' })) ??
      DEFAULT_KEEPING.dependsOn,
    group: group ?? DEFAULT_KEEPING.group,
    schedules: schedules?.map(toSchedule) ?? DEFAULT_KEEPING.schedules,
  };
}

export function toKeepingJson(keeping: KeepingSettings): Pick<ProjectJson, keyof KeepingInput> {
  return {
    depends_on: keeping.dependsOn.map(({ project, condition }) => ({ project, condition })),
    group: keeping.group,
    schedules: keeping.schedules.map(toScheduleJson),
  };
}

export function toKeepJson(keep: Keep): KeepJson {
  if (keep.by === 'schedule') return { by: 'schedule', until: new Date(keep.until).toISOString() };
  return { by: keep.by, projects: [...keep.projects] };
}

function toSchedule({ cron, time_zone: timeZone, keep_awake: keepAwake }: ScheduleInput): Schedule {
  return {
    cron: cron.trim().split(/\s+/).join(' '),
    timeZone: timeZone ?? null,
    keepAwakeMs: keepAwake == null ? null : parseDuration(keepAwake),
  };
}

function toScheduleJson({ cron, timeZone, keepAwakeMs }: Schedule): ScheduleJson {
  const what = keepAwakeMs === null ? { wake: true as const } : { keep_awake: formatDuration(keepAwakeMs) };
  return { cron, time_zone: timeZone, ...what };
}
