/** What the typed client offers; the command line and the dashboard know nothing else of the platform. */
import type { KeyRotationJson, RegistryJson } from '../schemas/registry-input.ts';
import type {
  HealthJson,
  LogLineJson,
  ProjectEventJson,
  ProjectJson,
  RevisionJson,
  TrafficJson,
  WokenProjectJson,
} from '../schemas/responses.ts';

export type { KeyRotationJson, RegistryJson } from '../schemas/registry-input.ts';
export type {
  FailureJson,
  FieldProblemJson,
  HealthJson,
  InstanceJson,
  KeepJson,
  LivenessProbeJson,
  LogLineJson,
  ProbesJson,
  ProblemJson,
  ProjectEventJson,
  ProjectJson,
  QuietRuleJson,
  ReadinessProbeJson,
  RevisionJson,
  ScheduleJson,
  StartupProbeJson,
  TrafficJson,
  TrafficShareJson,
  WokenProjectJson,
} from '../schemas/responses.ts';

export interface HealthCheckInput {
  readonly path: string;
  readonly timeout?: string | null;
}

/** What a probe asks: one of the three. */
export interface ProbeCheckInput {
  readonly http_get?: {
    readonly path: string;
    readonly port?: number | null;
    readonly headers?: Readonly<Record<string, string>> | null;
  } | null;
  readonly tcp_socket?: { readonly port?: number | null } | null;
  readonly exec?: { readonly command: readonly string[] } | null;
}

export interface ProbeInput extends ProbeCheckInput {
  readonly initial_delay?: string | null;
  readonly timeout?: string | null;
  readonly period?: string | null;
  readonly failure_threshold?: number | null;
}

export interface ReadinessProbeInput extends ProbeInput {
  readonly success_threshold?: number | null;
}

export interface ProbesInput {
  readonly startup?: ProbeInput | null;
  readonly liveness?: ProbeInput | null;
  readonly readiness?: ReadinessProbeInput | null;
}

/** Requests that neither wake nor keep awake; at least one condition is given. */
export interface QuietRuleInput {
  /** The whole path, or its beginning where it ends in `*`. */
  readonly path?: string | null;
  readonly methods?: readonly string[] | null;
  readonly user_agent?: string | null;
  /** An address or a CIDR range. */
  readonly client?: string | null;
  readonly answer?: { readonly status?: number | null; readonly body?: string | null } | null;
}

/** A project that is woken first; default: until it is ready. */
export interface DependencyInput {
  readonly project: string;
  readonly condition?: 'started' | 'ready' | null;
}

/** Either `keep_awake` or `wake`. */
export interface ScheduleInput {
  /** Five fields. */
  readonly cron: string;
  /** Default: that of the server. */
  readonly time_zone?: string | null;
  readonly keep_awake?: string | null;
  readonly wake?: true | null;
}

/** The settings of a project; durations are texts such as `500ms`, `20s`, `1h30m`. Null or left out: the default. */
export interface ProjectSettingsInput {
  readonly docker_image?: string | null;
  readonly env_vars?: Readonly<Record<string, string>> | null;
  readonly container_port?: number | null;
  readonly hostname?: string | null;
  readonly hostnames?: readonly string[] | null;
  readonly command?: readonly string[] | null;
  readonly entrypoint?: readonly string[] | null;
  readonly working_dir?: string | null;
  readonly idle_timeout?: string | null;
  readonly wake_timeout?: string | null;
  readonly stop_timeout?: string | null;
  readonly wait_mode?: 'hold' | 'page' | 'reject' | null;
  readonly quiet_rules?: readonly QuietRuleInput[] | null;
  readonly ssl?: boolean | null;
  readonly ssl_redirect?: boolean | null;
  readonly response_timeout?: string | null;
  readonly forward_headers?: boolean | null;
  readonly path_prefix?: string | null;
  readonly sticky_traffic?: boolean | null;
  readonly health_check?: HealthCheckInput | null;
  readonly probes?: ProbesInput | null;
  readonly min_instances?: number | null;
  readonly max_instances?: number | null;
  readonly concurrency?: number | null;
  readonly target_utilization?: number | null;
  readonly session_affinity?: boolean | null;
  readonly freeze_after?: string | null;
  readonly depends_on?: readonly DependencyInput[] | null;
  readonly group?: string | null;
  readonly schedules?: readonly ScheduleInput[] | null;
}

export interface CreateProjectInput extends ProjectSettingsInput {
  readonly name: string;
}

export interface Abortable {
  readonly signal?: AbortSignal;
}

export interface DeployOptions extends Abortable {
  /** False: a sleeping project takes the new revision without a trial start. Default true. */
  readonly verify?: boolean;
}

export interface ReplaceOptions extends DeployOptions {
  /** True: the new revision gets no requests, and what followed the latest one stays. */
  readonly noTraffic?: boolean;
  /** The new revision is reached as `tag---hostname`. */
  readonly tag?: string;
}

export interface TrafficShareInput {
  readonly revision: number | 'latest';
  /** Whole; those of all shares make 100. Default 0. */
  readonly percent?: number | null;
  readonly tag?: string | null;
}

export interface TrafficInput {
  readonly traffic: readonly TrafficShareInput[];
}

export interface RollbackInput {
  /** Default: the newest that is older than the one now. */
  readonly revision?: number;
  readonly verify?: boolean;
}

/** One of the three. */
export type RegistryCredentialsInput =
  | { readonly username: string; readonly password: string }
  | { readonly identity_token: string }
  | { readonly registry_token: string };

export interface LoginOptions extends Abortable {
  /** False: the registry is not asked whether it takes them. Default true. */
  readonly verify?: boolean;
}

export interface LogsOptions extends Abortable {
  readonly follow?: boolean;
  /** The last so many lines. */
  readonly tail?: number;
  /** RFC 3339, or how long ago: `10m`. */
  readonly since?: string;
  /** Only what its instances wrote. */
  readonly revision?: number;
}

export interface EventsOptions extends Abortable {
  readonly limit?: number;
  /** Only events with a greater id, oldest first. */
  readonly after?: number;
}

/**
 * Every call throws ApiError: with the API's own code, `api_unreachable` when nothing answers,
 * `api_protocol` when what answers is not Luma.
 */
export interface ApiClient {
  listProjects(options?: Abortable): Promise<ProjectJson[]>;
  getProject(name: string, options?: Abortable): Promise<ProjectJson>;
  createProject(project: CreateProjectInput, options?: Abortable): Promise<ProjectJson>;
  /** Only what is given changes; a field given is replaced whole, null resets it. */
  patchProject(name: string, changes: ProjectSettingsInput, options?: ReplaceOptions): Promise<ProjectJson>;
  /** Creates or replaces. */
  putProject(name: string, settings: ProjectSettingsInput, options?: ReplaceOptions): Promise<ProjectJson>;
  /** Newest first. */
  revisions(name: string, options?: Abortable): Promise<RevisionJson[]>;
  traffic(name: string, options?: Abortable): Promise<TrafficJson>;
  /** Whole: what is not named gets no requests. */
  putTraffic(name: string, input: TrafficInput, options?: DeployOptions): Promise<TrafficJson>;
  rollback(name: string, input?: RollbackInput, options?: Abortable): Promise<ProjectJson>;
  deleteProject(name: string, options?: Abortable): Promise<void>;
  wake(name: string, options?: Abortable): Promise<WokenProjectJson>;
  sleep(name: string, options?: Abortable): Promise<ProjectJson>;
  stop(name: string, options?: Abortable): Promise<ProjectJson>;
  start(name: string, options?: Abortable): Promise<ProjectJson>;
  /** Ends when the lines do; with `follow`, when the signal aborts or the loop is left. */
  logs(name: string, options?: LogsOptions): AsyncIterable<LogLineJson>;
  /** Newest first, unless `after` is given. */
  events(name: string, options?: EventsOptions): Promise<ProjectEventJson[]>;
  /** Events from now on, or all after the id; over broken connections too, without a gap, until the signal aborts. */
  followEvents(name: string, options?: Omit<EventsOptions, 'limit'>): AsyncIterable<ProjectEventJson>;
  /** By host. */
  registries(options?: Abortable): Promise<RegistryJson[]>;
  putRegistry(
    host: string,
    credentials: RegistryCredentialsInput,
    options?: LoginOptions,
  ): Promise<RegistryJson>;
  removeRegistry(host: string, options?: Abortable): Promise<void>;
  /** Resolves when every secret is sealed with a new key. */
  rotateKey(options?: Abortable): Promise<KeyRotationJson>;
  health(options?: Abortable): Promise<HealthJson>;
}
