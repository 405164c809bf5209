/** Between a project and its rows: the persisted document has its own names, so that the domain can change. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';
import type { KeepingSettings } from '../../domain/keeping.ts';
import type { Project, ProjectSettings, ScalingSettings } from '../../domain/project.ts';
import { allTo, type TrafficShare } from '../../domain/revision.ts';
import type { Seal, Unseal } from '../secrets/key-ring.ts';
import { fromRevisionDocument, revisionShape, toRevisionDocument } from './revision-row.ts';
import { projectPlace } from './sealed-environment.ts';
import type { ProjectRow } from './tables.ts';

const settingsDocument = z.strictObject({
  ...revisionShape,
  idle_timeout_ms: z.number().nullable(),
  wake_timeout_ms: z.number(),
  wait_mode: z.enum(['hold', 'page', 'reject']),
  quiet_rules: z.array(
    z.strictObject({
      path: z.string().nullable(),
      methods: z.array(z.string()).nullable(),
      user_agent: z.string().nullable(),
      client: z.string().nullable(),
      answer: z.strictObject({ status: z.number(), body: z.string() }),
    }),
  ),
  ssl: z.boolean(),
  ssl_redirect: z.boolean(),
  response_timeout_ms: z.number().nullable(),
  forward_headers: z.boolean(),
  path_prefix: z.string(),
  // Absent in what was stored before there was a choice.
  sticky_traffic: z.boolean().default(false),
  scaling: z.strictObject({
    min_instances: z.number(),
    max_instances: z.number(),
    concurrency: z.number(),
    target_utilization: z.number(),
    freeze_after_ms: z.number().nullable(),
    session_affinity: z.boolean(),
  }),
  keeping: z.strictObject({
    depends_on: z.array(z.strictObject({ project: z.string(), condition: z.enum(['started', 'ready']) })),
    group: z.string().nullable(),
    schedules: z.array(
      z.strictObject({
        cron: z.string(),
        time_zone: z.string().nullable(),
        keep_awake_ms: z.number().nullable(),
      }),
    ),
  }),
});

export function toProjectRow(project: Project, seal: Seal): ProjectRow {
  return {
    name: project.settings.name,
    settings: JSON.stringify(toDocument(project.settings, seal)),
    wanted: project.wanted,
    revision: project.revision,
    traffic: JSON.stringify(toTrafficDocument(project.traffic)),
    created_at: project.createdAt,
    updated_at: project.updatedAt,
  };
}

export function toHostnameRows({
  settings,
}: Project): { hostname: string; project: string; position: number }[] {
  return settings.hostnames.map((hostname, position) => ({ hostname, project: settings.name, position }));
}

export function fromProjectRow(row: ProjectRow, hostnames: readonly string[], unseal: Unseal): Project {
  const document = readDocument(row);
  return {
    settings: fromDocument(row.name, document, hostnames, unseal),
    wanted: row.wanted === 'stopped' ? 'stopped' : 'active',
    revision: Number(row.revision),
    traffic: readTraffic(row),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}

function toDocument(settings: ProjectSettings, seal: Seal): z.infer<typeof settingsDocument> {
  return {
    ...toRevisionDocument(settings, projectPlace(settings.name), seal),
    idle_timeout_ms: settings.idleTimeoutMs,
    wake_timeout_ms: settings.wakeTimeoutMs,
    wait_mode: settings.waitMode,
    quiet_rules: settings.quietRules.map(({ path, methods, userAgent, client, answer }) => ({
      path,
      methods: methods && [...methods],
      user_agent: userAgent,
      client,
      answer: { ...answer },
    })),
    ssl: settings.ssl,
    ssl_redirect: settings.sslRedirect,
    response_timeout_ms: settings.responseTimeoutMs,
    forward_headers: settings.forwardHeaders,
    path_prefix: settings.pathPrefix,
    sticky_traffic: settings.stickyTraffic,
    scaling: toScalingDocument(settings.scaling),
    keeping: toKeepingDocument(settings.keeping),
  };
}

function fromDocument(
  name: string,
  document: z.infer<typeof settingsDocument>,
  hostnames: readonly string[],
  unseal: Unseal,
): ProjectSettings {
  return {
    ...fromRevisionDocument(document, projectPlace(name), unseal),
    name,
    hostnames,
    idleTimeoutMs: document.idle_timeout_ms,
    wakeTimeoutMs: document.wake_timeout_ms,
    waitMode: document.wait_mode,
    quietRules: document.quiet_rules.map(({ user_agent: userAgent, ...rule }) => ({ ...rule, userAgent })),
    ssl: document.ssl,
    sslRedirect: document.ssl_redirect,
    responseTimeoutMs: document.response_timeout_ms,
    forwardHeaders: document.forward_headers,
    pathPrefix: document.path_prefix,
    stickyTraffic: document.sticky_traffic,
    scaling: fromScalingDocument(document.scaling),
    keeping: fromKeepingDocument(document.keeping),
  };
}

type ScalingDocument = z.infer<typeof settingsDocument>['scaling'];

function toScalingDocument(scaling: ScalingSettings): ScalingDocument {
  return {
    min_instances: scaling.minInstances,
    max_instances: scaling.maxInstances,
    concurrency: scaling.concurrency,
    target_utilization: scaling.targetUtilization,
    freeze_after_ms: scaling.freezeAfterMs,
    session_affinity: scaling.sessionAffinity,
  };
}

function fromScalingDocument(document: ScalingDocument): ScalingSettings {
  return {
    minInstances: document.min_instances,
    maxInstances: document.max_instances,
    concurrency: document.concurrency,
    targetUtilization: document.target_utilization,
    freezeAfterMs: document.freeze_after_ms,
    sessionAffinity: document.session_affinity,
  };
}

type KeepingDocument = z.infer<typeof settingsDocument>['keeping'];

function toKeepingDocument({ dependsOn, group, schedules }: KeepingSettings): KeepingDocument {
  return {
    depends_on: dependsOn.map(({ project, condition }) => ({ project, condition })),
    group,
    schedules: schedules.map(({ cron, timeZone, keepAwakeMs }) => ({
      cron,
      time_zone: timeZone,
      keep_awake_ms: keepAwakeMs,
    })),
  };
}

function fromKeepingDocument({ depends_on: dependsOn, group, schedules }: KeepingDocument): KeepingSettings {
  return {
    dependsOn,
    group,
    schedules: schedules.map((schedule) => ({
      cron: schedule.cron,
      timeZone: schedule.time_zone,
      keepAwakeMs: schedule.keep_awake_ms,
    })),
  };
}

const trafficDocument = z
  .array(
    z.strictObject({
      revision: z.number(),
      percent: z.number(),
      tag: z.string().nullable(),
      // Before people could say anything of it, all went to the project's revision.
      latest: z.boolean().default(true),
      proved: z.boolean().default(true),
    }),
  )
  .min(1);

function toTrafficDocument(traffic: readonly TrafficShare[]): z.infer<typeof trafficDocument> {
  return traffic.map(({ revision, percent, tag, isLatest, isProved }) => ({
    ...{ revision, percent, tag },
    latest: isLatest,
    proved: isProved,
  }));
}

function readTraffic(row: ProjectRow): readonly TrafficShare[] {
  if (row.traffic === null) return allTo(Number(row.revision));
  const shares = readJson(row, row.traffic, trafficDocument);
  return shares.map(({ latest, proved, ...share }) => ({ ...share, isLatest: latest, isProved: proved }));
}

function readDocument(row: ProjectRow): z.infer<typeof settingsDocument> {
  return readJson(row, row.settings, settingsDocument);
}

function readJson<S extends z.ZodType>(row: ProjectRow, text: string, schema: S): z.output<S> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LumaError('store_unreadable', `the stored settings of project ${row.name} cannot be read`, {
      hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
      cause,
      details: { project: row.name },
    });
  }
}
