/** Between what people send and the domain's settings: defaults, partial changes, and rules over several fields. */
import { z } from '@hono/zod-openapi';
import { formatDuration, parseDuration } from '../base/duration.ts';
import { assert } from '../base/errors.ts';
import { DEFAULT_SETTINGS, type ProjectSettings } from '../domain/project.ts';
import { type CodedFieldProblem, problemsOf, validationFailed } from './field-problems.ts';
import { toKeeping, toKeepingJson } from './keeping-settings.ts';
import { HOSTNAMES_MAX } from './limits.ts';
import { probesProblems, toProbes, toProbesJson } from './probe-settings.ts';
import { toQuietRule, toQuietRuleJson } from './quiet-rule-json.ts';
import { toRouteJson } from './route-json.ts';
import { scalingProblems, toScaling, toScalingJson } from './scaling-settings.ts';
import {
  type CreateProjectInput,
  createProjectSchema,
  type PutProjectInput,
  patchProjectSchema,
  putProjectSchema,
  type SettingsInput,
  settingsShape,
} from './schemas/project-input.ts';

const DEFAULT_HEALTH_CHECK_TIMEOUT = '5s';

const knownFields = ['name', ...Object.keys(settingsShape)];

export function readCreate(body: unknown): ProjectSettings {
  const problems = relationProblems(body);
  const input: CreateProjectInput = parse(createProjectSchema, body, problems);
  return toSettings(input.name, input);
}

export function readPut(name: string, body: unknown): ProjectSettings {
  const problems = [...nameProblems(name, body), ...relationProblems(body)];
  const input: PutProjectInput = parse(putProjectSchema, body, problems);
  // The path's name keeps the same rules as the body's.
  parse(z.object({ name: createProjectSchema.shape.name }), { name }, []);
  return toSettings(name, input);
}

/** The changes alone, checked as far as they can be without the project. */
export function readPatch(name: string, body: unknown): SettingsInput {
  return parse(patchProjectSchema, body, nameProblems(name, body));
}

export function applyPatch(current: ProjectSettings, patch: SettingsInput): ProjectSettings {
  const changed: SettingsInput = {
    ...toInput(current),
    ...withoutUndefined(patch),
    ...patchedHosts(current, patch),
  };
  const problems = relationProblems(changed, (field) => field in patch);
  if (problems.length > 0) throw validationFailed(problems);
  return toSettings(current.name, changed);
}

/** A body that is no project's settings. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw validationFailed(problemsOf(parsed.error, body, fieldNamesOf(schema)));
  return parsed.data;
}

function fieldNamesOf(schema: z.ZodType): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function parse<S extends z.ZodType>(
  schema: S,
  body: unknown,
  moreProblems: readonly CodedFieldProblem[],
): z.output<S> {
  const parsed = schema.safeParse(body);
  const problems = parsed.success ? [] : problemsOf(parsed.error, body, knownFields);
  if (problems.length + moreProblems.length > 0) throw validationFailed([...problems, ...moreProblems]);
  assert(parsed.success, 'a body without problems was parsed');
  return parsed.data;
}

function nameProblems(name: string, body: unknown): CodedFieldProblem[] {
  const given = fieldsOf(body)['name'];
  if (typeof given !== 'string' || given === name) return [];
  const message = `must be ${name}, as in the path: a project cannot be renamed`;
  return [{ field: 'name', code: 'immutable', message, value: given.slice(0, 64) }];
}

/** Rules over several fields, told together with the rest, so they look at the raw body. */
function relationProblems(
  body: unknown,
  isGiven: (field: string) => boolean = () => true,
): CodedFieldProblem[] {
  const fields = fieldsOf(body);
  if (fields === noFields) return [];
  const problems: CodedFieldProblem[] = [];
  if (fields['hostname'] == null && fields['hostnames'] == null) {
    problems.push({ field: 'hostname', code: 'required', message: 'is required (or a list of hostnames)' });
  }
  if (fields['docker_image'] == null && fields['command'] == null) {
    const message = 'is required (with the process runtime, command takes its place)';
    problems.push({ field: 'docker_image', code: 'required', message });
  }
  const idleMs = durationIn(fields['idle_timeout'], DEFAULT_SETTINGS.idleTimeoutMs);
  return [
    ...problems,
    ...countProblems(fields),
    ...timeoutProblems(fields, isGiven),
    ...scalingProblems(fields, isGiven, idleMs),
    ...probesProblems(fields, isGiven),
  ];
}

function countProblems({ hostname, hostnames }: Readonly<Record<string, unknown>>): CodedFieldProblem[] {
  if (typeof hostname !== 'string' || !Array.isArray(hostnames) || hostnames.length < HOSTNAMES_MAX)
    return [];
  if (hostnames.length === HOSTNAMES_MAX && hostnames.includes(hostname)) return [];
  const message = `must be at most ${HOSTNAMES_MAX} hostnames together with hostname`;
  return [{ field: 'hostnames', code: 'out_of_range', message }];
}

function timeoutProblems(
  fields: Readonly<Record<string, unknown>>,
  isGiven: (field: string) => boolean,
): CodedFieldProblem[] {
  const wakeMs = durationIn(fields['wake_timeout'], DEFAULT_SETTINGS.wakeTimeoutMs);
  const stopMs = durationIn(fields['stop_timeout'], DEFAULT_SETTINGS.stopTimeoutMs);
  if (wakeMs === null || stopMs === null || wakeMs > stopMs) return [];
  const message = `wake_timeout (${formatDuration(wakeMs)}) must be longer than stop_timeout (${formatDuration(stopMs)})`;
  const field = fields['wake_timeout'] != null && isGiven('wake_timeout') ? 'wake_timeout' : 'stop_timeout';
  return [{ field, code: 'wake_not_longer_than_stop', message, value: fields[field] }];
}

function durationIn(value: unknown, defaultMs: number | null): number | null {
  if (value == null) return defaultMs;
  return typeof value === 'string' ? parseDuration(value) : null;
}

const noFields: Readonly<Record<string, unknown>> = {};

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  return isObject ? (body as Record<string, unknown>) : noFields;
}

function toSettings(name: string, input: SettingsInput): ProjectSettings {
  const { health_check: healthCheck } = input;
  const none = DEFAULT_SETTINGS;
  return {
    name,
    image: input.docker_image ?? null,
    command: input.command ?? none.command,
    entrypoint: input.entrypoint ?? none.entrypoint,
    workingDir: input.working_dir ?? none.workingDir,
    envVars: input.env_vars ?? none.envVars,
    containerPort: input.container_port ?? none.containerPort,
    healthCheck: healthCheck
      ? {
          path: healthCheck.path,
          timeoutMs: toMilliseconds(healthCheck.timeout ?? DEFAULT_HEALTH_CHECK_TIMEOUT),
        }
      : none.healthCheck,
    probes: toProbes(input.probes),
    stopTimeoutMs: input.stop_timeout ? toMilliseconds(input.stop_timeout) : none.stopTimeoutMs,
    hostnames: allHostnames(input),
    idleTimeoutMs: input.idle_timeout ? toLimit(input.idle_timeout) : none.idleTimeoutMs,
    wakeTimeoutMs: input.wake_timeout ? toMilliseconds(input.wake_timeout) : none.wakeTimeoutMs,
    waitMode: input.wait_mode ?? none.waitMode,
    quietRules: input.quiet_rules?.map(toQuietRule) ?? none.quietRules,
    ssl: input.ssl ?? none.ssl,
    sslRedirect: input.ssl_redirect ?? none.sslRedirect,
    responseTimeoutMs: input.response_timeout ? toLimit(input.response_timeout) : none.responseTimeoutMs,
    forwardHeaders: input.forward_headers ?? none.forwardHeaders,
    pathPrefix: input.path_prefix ?? none.pathPrefix,
    stickyTraffic: input.sticky_traffic ?? none.stickyTraffic,
    scaling: toScaling(input),
    keeping: toKeeping(input),
  };
}

function toInput(settings: ProjectSettings): SettingsInput {
  const { healthCheck, idleTimeoutMs } = settings;
  return {
    docker_image: settings.image,
    env_vars: { ...settings.envVars },
    container_port: settings.containerPort,
    hostnames: [...settings.hostnames],
    command: settings.command && [...settings.command],
    entrypoint: settings.entrypoint && [...settings.entrypoint],
    working_dir: settings.workingDir,
    idle_timeout: idleTimeoutMs === null ? 'never' : formatDuration(idleTimeoutMs),
    wake_timeout: formatDuration(settings.wakeTimeoutMs),
    wait_mode: settings.waitMode,
    quiet_rules: settings.quietRules.map(toQuietRuleJson),
    ...toRouteJson(settings),
    ...toScalingJson(settings.scaling),
    ...toKeepingJson(settings.keeping),
    stop_timeout: formatDuration(settings.stopTimeoutMs),
    health_check: healthCheck && { path: healthCheck.path, timeout: formatDuration(healthCheck.timeoutMs) },
    probes: toProbesJson(settings.probes),
  };
}

/**
 * `hostnames` replaces them all. `hostname` alone replaces the primary one and leaves the others.
 * Both null leaves none, which is refused.
 */
function patchedHosts(current: ProjectSettings, patch: SettingsInput): SettingsInput {
  if (patch.hostname === undefined && patch.hostnames === undefined) return {};
  if (patch.hostnames != null) return { hostname: patch.hostname, hostnames: patch.hostnames };
  const others = patch.hostnames === null ? [] : current.hostnames.slice(1);
  if (patch.hostname == null) return { hostname: null, hostnames: others.length > 0 ? others : null };
  return { hostname: patch.hostname, hostnames: others };
}

/** The primary first, each once, in lower case. */
function allHostnames({ hostname, hostnames }: SettingsInput): readonly string[] {
  const all = [...(hostname == null ? [] : [hostname]), ...(hostnames ?? [])];
  return [...new Set(all.map((name) => name.toLowerCase()))];
}

function withoutUndefined(patch: SettingsInput): SettingsInput {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}

/** Null: `never`. */
function toLimit(text: string): number | null {
  return text === 'never' ? null : toMilliseconds(text);
}

/** Of a text the schema has accepted. */
function toMilliseconds(text: string): number {
  const durationMs = parseDuration(text);
  assert(durationMs !== null, `a duration was validated: ${text}`);
  return durationMs;
}
