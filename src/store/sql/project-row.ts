/** Between a project and its rows: the persisted document has its own names, so that the domain can change. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';
import type { Project, ProjectSettings } from '../../domain/project.ts';
import type { ProjectRow } from './tables.ts';

const settingsDocument = z.strictObject({
  image: z.string().nullable(),
  command: z.array(z.string()).nullable(),
  entrypoint: z.array(z.string()).nullable(),
  working_dir: z.string().nullable(),
  env_vars: z.record(z.string(), z.string()),
  container_port: z.number().nullable(),
  health_check: z.strictObject({ path: z.string(), timeout_ms: z.number() }).nullable(),
  stop_timeout_ms: z.number(),
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
});

export function toProjectRow(project: Project): ProjectRow {
  return {
    name: project.settings.name,
    settings: JSON.stringify(toDocument(project.settings)),
    wanted: project.wanted,
    revision: project.revision,
    created_at: project.createdAt,
    updated_at: project.updatedAt,
  };
}

export function toHostnameRows({
  settings,
}: Project): { hostname: string; project: string; position: number }[] {
  return settings.hostnames.map((hostname, position) => ({ hostname, project: settings.name, position }));
}

export function fromProjectRow(row: ProjectRow, hostnames: readonly string[]): Project {
  const document = readDocument(row);
  return {
    settings: fromDocument(row.name, document, hostnames),
    wanted: row.wanted === 'stopped' ? 'stopped' : 'active',
    revision: Number(row.revision),
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}

function toDocument(settings: ProjectSettings): z.infer<typeof settingsDocument> {
  const { command, entrypoint, healthCheck } = settings;
  return {
    image: settings.image,
    command: command && [...command],
    entrypoint: entrypoint && [...entrypoint],
    working_dir: settings.workingDir,
    env_vars: settings.envVars,
    container_port: settings.containerPort,
    health_check: healthCheck && { path: healthCheck.path, timeout_ms: healthCheck.timeoutMs },
    stop_timeout_ms: settings.stopTimeoutMs,
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
  };
}

function fromDocument(
  name: string,
  document: z.infer<typeof settingsDocument>,
  hostnames: readonly string[],
): ProjectSettings {
  const { health_check: healthCheck } = document;
  return {
    name,
    image: document.image,
    command: document.command,
    entrypoint: document.entrypoint,
    workingDir: document.working_dir,
    envVars: document.env_vars,
    containerPort: document.container_port,
    healthCheck: healthCheck && { path: healthCheck.path, timeoutMs: healthCheck.timeout_ms },
    stopTimeoutMs: document.stop_timeout_ms,
    hostnames,
    idleTimeoutMs: document.idle_timeout_ms,
    wakeTimeoutMs: document.wake_timeout_ms,
    waitMode: document.wait_mode,
    quietRules: document.quiet_rules.map(({ user_agent: userAgent, ...rule }) => ({ ...rule, userAgent })),
  };
}

function readDocument(row: ProjectRow): z.infer<typeof settingsDocument> {
  try {
    return settingsDocument.parse(JSON.parse(row.settings));
  } catch (cause) {
    throw new LumaError('store_unreadable', `the stored settings of project ${row.name} cannot be read`, {
      hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
      cause,
      details: { project: row.name },
    });
  }
}
