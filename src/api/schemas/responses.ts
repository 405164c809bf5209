/** What the API answers, as schemas: OpenAPI and the client's types come from them. */
import { z } from '@hono/zod-openapi';

const instant = z.iso
  .datetime()
  .openapi({ description: 'RFC 3339, UTC.', example: '2026-01-31T08:00:00.000Z' });
const duration = z
  .string()
  .openapi({ description: 'A duration such as `500ms`, `20s`, `1h30m`.', example: '20s' });

export const projectStatusSchema = z
  .enum(['idle', 'starting', 'running', 'frozen', 'stopping', 'stopped', 'failed'])
  .openapi('ProjectStatus', {
    description:
      '`idle`: no instance, the next request wakes it. `stopped`: a person stopped it, requests get 503 until `start`. `failed`: the last start did not work, the next request tries again.',
  });

export const failureSchema = z
  .object({
    code: z.string().openapi({ description: 'Stable.', example: 'image_not_found' }),
    message: z.string(),
    log_lines: z.array(z.string()).openapi({ description: 'The last lines the instance wrote.' }),
    at: instant,
  })
  .openapi('StartFailure', { description: 'Why the last start did not work.' });

export const instanceSchema = z
  .object({
    id: z.string(),
    revision: z.int(),
    state: z.string().openapi({ example: 'running' }),
    ready: z.boolean().openapi({ description: 'It runs, and gets new requests.' }),
    health_failure: failureSchema.nullable().openapi({
      description: 'Why its readiness or liveness probe is not content with it; null while they are.',
    }),
    address: z.string().nullable().openapi({ description: '`host:port` while it runs.' }),
    since: instant.openapi({ description: 'When its state last changed.' }),
  })
  .openapi('Instance');

export const quietRuleJsonSchema = z
  .object({
    path: z.string().nullable(),
    methods: z.array(z.string()).nullable(),
    user_agent: z.string().nullable(),
    client: z.string().nullable(),
    answer: z.object({ status: z.int(), body: z.string() }),
  })
  .openapi('QuietRule', { description: 'Names requests that neither wake nor keep awake.' });

export const dependencyJsonSchema = z
  .object({ project: z.string(), condition: z.enum(['started', 'ready']) })
  .openapi('Dependency');

export const scheduleJsonSchema = z
  .object({
    cron: z.string(),
    time_zone: z.string().nullable().openapi({ description: 'null: that of the server.' }),
    keep_awake: duration.optional(),
    wake: z.literal(true).optional(),
  })
  .openapi('Schedule', { description: 'Has either `keep_awake` or `wake`.' });

export const keepSchema = z
  .object({
    by: z.enum(['schedule', 'dependents', 'group']),
    until: instant.optional().openapi({ description: 'Of a schedule: the end of its window.' }),
    projects: z.array(z.string()).optional().openapi({
      description: 'Those that depend on it and are awake; members of its group that are in use.',
    }),
  })
  .openapi('Keep', { description: 'Why it does not sleep although nobody uses it.' });

const probeCheckShape = {
  http_get: z
    .object({
      path: z.string(),
      port: z.int().nullable(),
      headers: z.record(z.string(), z.string()),
    })
    .nullable(),
  tcp_socket: z.object({ port: z.int().nullable() }).nullable(),
  exec: z.object({ command: z.array(z.string()) }).nullable(),
  initial_delay: duration,
  timeout: duration,
  period: duration,
};

export const startupProbeSchema = z
  .object({
    ...probeCheckShape,
    failure_threshold: z.int().nullable().openapi({ description: 'null: until `wake_timeout` is over.' }),
  })
  .openapi('StartupProbe');

export const livenessProbeSchema = z
  .object({ ...probeCheckShape, failure_threshold: z.int() })
  .openapi('LivenessProbe');

export const readinessProbeSchema = livenessProbeSchema
  .extend({ success_threshold: z.int() })
  .openapi('ReadinessProbe');

const probesJsonSchema = z.object({
  startup: startupProbeSchema.nullable(),
  liveness: livenessProbeSchema.nullable(),
  readiness: readinessProbeSchema.nullable(),
});

export const trafficShareSchema = z
  .object({
    revision: z.int(),
    latest: z.boolean().openapi({ description: 'It follows the latest revision: a deploy moves it on.' }),
    percent: z.int().openapi({ description: 'What it gets of the requests now.' }),
    wanted_percent: z.int().openapi({
      description: 'What it is to get; its revision may have to show first that it answers.',
    }),
    tag: z.string().nullable(),
    hosts: z.array(z.string()).openapi({ description: 'Where its tag is reached.' }),
    urls: z.array(z.string()),
    status: projectStatusSchema,
    failure: failureSchema.nullable(),
  })
  .openapi('TrafficShare');

export const trafficAnswerSchema = z
  .object({
    project: z.string(),
    latest: z.int().openapi({ description: 'The revision that the project’s settings are.' }),
    sticky_traffic: z.boolean(),
    traffic: z.array(trafficShareSchema),
    switch_failure: failureSchema.nullable().openapi({
      description: 'Why a revision does not get what it is to get; the others go on with its share.',
    }),
  })
  .openapi('TrafficSplit');

export const revisionSchema = z
  .object({
    revision: z.int(),
    docker_image: z.string().nullable(),
    pinned_image: z.string().nullable().openapi({
      description: 'What the image was when it was prepared first: by digest, or id; null before.',
    }),
    command: z.array(z.string()).nullable(),
    entrypoint: z.array(z.string()).nullable(),
    working_dir: z.string().nullable(),
    env_names: z.array(z.string()).openapi({ description: 'Names of its variables; values are not told.' }),
    container_port: z.int().nullable(),
    percent: z.int().openapi({ description: 'What it gets of the requests now.' }),
    tags: z.array(z.string()),
    created_at: instant,
  })
  .openapi('Revision');

export const revisionListSchema = z.object({ revisions: z.array(revisionSchema) }).openapi('RevisionList');

export const projectSchema = z
  .object({
    name: z.string(),
    docker_image: z.string().nullable(),
    env_vars: z.record(z.string(), z.string()),
    container_port: z.int().nullable().openapi({ description: 'null: Luma chooses and tells it in PORT.' }),
    hostname: z.string().openapi({ description: 'The first of `hostnames`.' }),
    hostnames: z.array(z.string()),
    command: z.array(z.string()).nullable(),
    entrypoint: z.array(z.string()).nullable(),
    working_dir: z.string().nullable(),
    idle_timeout: duration.openapi({ description: 'From the end of the last request to sleep, or `never`.' }),
    wake_timeout: duration,
    wait_mode: z.enum(['hold', 'page', 'reject']),
    quiet_rules: z.array(quietRuleJsonSchema),
    ssl: z.boolean(),
    ssl_redirect: z.boolean(),
    response_timeout: duration.openapi({
      description: 'To the head of an answer, or `never`.',
      example: '5m',
    }),
    forward_headers: z.boolean(),
    path_prefix: z.string(),
    sticky_traffic: z.boolean(),
    min_instances: z.int(),
    max_instances: z.int(),
    concurrency: z.int(),
    target_utilization: z.number(),
    session_affinity: z.boolean(),
    freeze_after: duration.openapi({ description: 'Until its processes are suspended, or `never`.' }),
    depends_on: z.array(dependencyJsonSchema),
    group: z.string().nullable(),
    schedules: z.array(scheduleJsonSchema),
    stop_timeout: duration,
    health_check: z.object({ path: z.string(), timeout: duration }).nullable(),
    probes: probesJsonSchema,
    status: projectStatusSchema,
    failure: failureSchema.nullable(),
    switch_failure: failureSchema.nullable().openapi({
      description:
        'Why the newest revision does not serve; the one before it does, or wakes on the next request. null once a newer one is on its way.',
    }),
    revision: z.int().openapi({ description: 'The one that these settings are.' }),
    traffic: z.array(trafficShareSchema).openapi({ description: 'Who gets the requests now.' }),
    kept_awake: z.array(keepSchema).openapi({ description: 'Empty: it sleeps when it is quiet.' }),
    waits_for: z
      .array(z.string())
      .openapi({ description: 'Projects of `depends_on` that have to be there before it starts.' }),
    instances: z.array(instanceSchema),
    url: z.string().nullable().openapi({ description: 'Where it answers; null for a wildcard hostname.' }),
    created_at: instant,
    updated_at: instant,
  })
  .openapi('Project');

export const projectListSchema = z.object({ projects: z.array(projectSchema) }).openapi('ProjectList');

export const wokenProjectSchema = projectSchema
  .extend({
    wake_duration_ms: z.number().openapi({ description: '0 when it was awake already.' }),
  })
  .openapi('WokenProject');

export const eventSchema = z
  .object({
    id: z.int().openapi({ description: 'Grows; `after` and `Last-Event-ID` take it.' }),
    project: z.string(),
    kind: z.string().openapi({ example: 'woken' }),
    at: instant,
    message: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .openapi('ProjectEvent');

export const eventListSchema = z.object({ events: z.array(eventSchema) }).openapi('ProjectEventList');

export const logLineSchema = z
  .object({
    at: instant,
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
    instance: z.string().openapi({ description: 'The id of the instance that wrote it.' }),
    revision: z.int().openapi({ description: 'That of the instance.' }),
  })
  .openapi('LogLine', { description: 'The data of one server-sent event.' });

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded']),
    version: z.string(),
    proxy: z.enum(['connected', 'disconnected']),
    store: z
      .enum(['ok', 'behind'])
      .openapi({ description: '`behind`: it cannot be written now; Luma goes on, and catches up.' }),
    runtime: z.object({
      kind: z.string(),
      name: z.string(),
      version: z.string(),
      available: z.boolean(),
    }),
    projects: z.int(),
  })
  .openapi('Health');

export const fieldProblemSchema = z
  .object({
    field: z.string().openapi({ description: 'A dotted path.', example: 'env_vars.PORT' }),
    code: z.string().openapi({ description: 'Stable.', example: 'reserved' }),
    message: z.string(),
    value: z.unknown().optional().openapi({ description: 'What was sent, shortened; left out for secrets.' }),
  })
  .openapi('FieldProblem');

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: 'urn:luma:problem:hostname_taken' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ description: 'Stable: compare this.', example: 'hostname_taken' }),
    hint: z.string().optional().openapi({ description: 'What to do next.' }),
    errors: z.array(fieldProblemSchema).optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457 problem document.' });

export type ProjectJson = z.infer<typeof projectSchema>;
export type WokenProjectJson = z.infer<typeof wokenProjectSchema>;
export type QuietRuleJson = z.infer<typeof quietRuleJsonSchema>;
export type ScheduleJson = z.infer<typeof scheduleJsonSchema>;
export type KeepJson = z.infer<typeof keepSchema>;
export type TrafficJson = z.infer<typeof trafficAnswerSchema>;
export type StartupProbeJson = z.infer<typeof startupProbeSchema>;
export type LivenessProbeJson = z.infer<typeof livenessProbeSchema>;
export type ReadinessProbeJson = z.infer<typeof readinessProbeSchema>;
export type ProbesJson = z.infer<typeof probesJsonSchema>;
export type TrafficShareJson = z.infer<typeof trafficShareSchema>;
export type RevisionJson = z.infer<typeof revisionSchema>;
export type InstanceJson = z.infer<typeof instanceSchema>;
export type FailureJson = z.infer<typeof failureSchema>;
export type ProjectEventJson = z.infer<typeof eventSchema>;
export type LogLineJson = z.infer<typeof logLineSchema>;
export type HealthJson = z.infer<typeof healthSchema>;
export type FieldProblemJson = z.infer<typeof fieldProblemSchema>;
export type ProblemJson = z.infer<typeof problemSchema>;
