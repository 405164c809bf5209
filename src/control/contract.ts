/** The control plane's door: everything the API may ask. Implemented by `ControlPlane`; errors are LumaErrors. */
import type { Keep } from '../domain/keeping.ts';
import type { Project, ProjectSettings } from '../domain/project.ts';
import type { ProjectEvent } from '../domain/project-event.ts';
import type { ProjectStatus, StartFailure } from '../domain/project-status.ts';
import type { RegistryCredentials } from '../domain/registry.ts';
import type { Revision } from '../domain/revision.ts';
import type { TrafficWish } from '../domain/traffic.ts';
import type { LogLine } from '../runtimes/contract.ts';

/** A project as people see it. */
export interface ProjectView {
  readonly project: Project;
  readonly status: ProjectStatus;
  /** Why the newest revision does not serve although an older one may. */
  readonly switchFailure: StartFailure | null;
  readonly traffic: readonly TrafficView[];
  readonly instances: readonly InstanceView[];
  /** Why it may not sleep although nobody uses it. */
  readonly keeps: readonly Keep[];
  /** Those it depends on that it is waiting for before it starts. */
  readonly waitsFor: readonly string[];
}

export interface InstanceView {
  readonly instanceId: string;
  readonly revision: number;
  readonly state: string;
  /** False while its readiness probe fails: it gets no new requests. */
  readonly isReady: boolean;
  /** Why its probes are not content with it. */
  readonly health: StartFailure | null;
  /** `host:port`, while it runs. */
  readonly address: string | null;
  /** Milliseconds since the Unix epoch of the last change of state. */
  readonly since: number;
}

/** One share of a project's requests. */
export interface TrafficView {
  readonly revision: number;
  /** It follows the project's revision. */
  readonly isLatest: boolean;
  readonly tag: string | null;
  /** What it gets now, and what it is to get: its revision may have to show first that it answers. */
  readonly percent: number;
  readonly wanted: number;
  /** Where its tag is reached. */
  readonly hosts: readonly string[];
  /** Of the instances that serve it. */
  readonly status: ProjectStatus;
}

/** A revision that is kept, and what it gets of the requests now. */
export interface RevisionView {
  readonly revision: Revision;
  readonly percent: number;
  readonly tags: readonly string[];
}

export interface DeployOptions {
  /** A project that sleeps is woken to see that the revision starts. Default true. */
  readonly verify?: boolean;
}

export interface ReplaceOptions extends DeployOptions {
  /** The new revision gets no requests, and what followed the latest one stays. Default false. */
  readonly noTraffic?: boolean;
  /** The new revision is reached under it, and nobody else any more. */
  readonly tag?: string | null;
}

export interface RollbackOptions extends DeployOptions {
  /** Default: the newest that is older than the project's. */
  readonly revision?: number;
}

export interface LoginOptions {
  /** False: stored unseen. Default true. */
  readonly verify?: boolean;
}

export interface LogQuery {
  readonly tail?: number;
  readonly since?: number;
  readonly follow?: boolean;
  /** Only what its instances wrote. */
  readonly revision?: number;
  readonly signal?: AbortSignal;
}

/** A line of a project's output, and who wrote it. */
export interface ProjectLogLine extends LogLine {
  readonly instanceId: string;
  readonly revision: number;
}

export interface WakeResult {
  readonly view: ProjectView;
  /** 0 when it was awake already. */
  readonly durationMs: number;
}

/**
 * Error codes: `project_not_found`, `project_exists`, `hostname_taken` (details: { hostname, owner }),
 * `runtime_cannot_run_images` and other refusals of the runtime (with `fields`), `project_busy` (sleep while
 * exchanges run; details: { in_flight, held }), `project_stopped` (wake of a stopped one), `revision_not_found` (details: { revisions }), `wake_failed` (details: code, log_lines),
 * `wake_timeout`, `shutting_down`, `proxy_unavailable`, `runtime_unavailable`, `dependency_unknown`, `dependency_cycle` (details: { cycle }),
 * `project_depended_on` (delete of one that others depend on; details: { dependents }), `project_kept_awake`.
 */
export interface ControlPlaneDoor {
  listProjects(): Promise<readonly ProjectView[]>;
  getProject(name: string): Promise<ProjectView>;
  /** Stores, publishes, and returns; pull and prepare follow, requests meanwhile are held. */
  createProject(settings: ProjectSettings): Promise<ProjectView>;
  /** A change of revision settings starts the new instance, switches and drains the old one in the background. */
  replaceProject(settings: ProjectSettings, options?: ReplaceOptions): Promise<ProjectView>;
  /** Who gets the requests, whole. In force at once but for revisions that have to show first that they answer. */
  splitTraffic(name: string, wishes: readonly TrafficWish[], options?: DeployOptions): Promise<ProjectView>;
  /** Newest first. */
  revisions(name: string): Promise<readonly RevisionView[]>;
  /** The settings of an earlier revision are the project's again, with the image it had then; it serves as a deployed one would. */
  rollback(name: string, options: RollbackOptions): Promise<ProjectView>;
  /** Drains and stops first; resolves when nothing of it is left. */
  deleteProject(name: string): Promise<void>;
  /** Resolves when an instance answers. */
  wake(name: string, signal?: AbortSignal): Promise<WakeResult>;
  /** Sleeps now unless busy; resolves when stopped. */
  sleep(name: string): Promise<ProjectView>;
  /** 503 to everyone until `start`; drains, then stops; resolves when stopped. */
  stop(name: string): Promise<ProjectView>;
  /** May run again; wakes on the next request. */
  start(name: string): Promise<ProjectView>;
  /** Of all its instances, by time; resolves when it is known that there can be any. */
  logs(name: string, query: LogQuery): Promise<AsyncIterable<ProjectLogLine>>;
  events(name: string, query: { limit?: number; afterId?: number }): Promise<readonly ProjectEvent[]>;
  /** Events of one project (or all: null) from now on. Returns how to stop. */
  onEvent(name: string | null, listener: (event: ProjectEvent) => void): () => void;
  /** By host. */
  listRegistries(): Promise<readonly RegistryView[]>;
  /** Hosts are in their normal form (`registryHost`). Fails with `registry_not_found`. */
  getRegistry(host: string): Promise<RegistryView>;
  /** The registry is asked whether it takes them, unless told not to: `registry_login_denied`, `registry_unreachable`. */
  putRegistry(host: string, credentials: RegistryCredentials, options?: LoginOptions): Promise<RegistryView>;
  removeRegistry(host: string): Promise<void>;
  /** Every stored secret is sealed with a new key; resolves with its id. */
  rotateKey(): Promise<string>;
  health(): Promise<HealthView>;
}

/** Who Luma is at a registry, without what proves it. */
export interface RegistryView {
  readonly host: string;
  readonly kind: RegistryCredentials['kind'];
  /** Null with a token. */
  readonly username: string | null;
  readonly updatedAt: number;
}

export interface HealthView {
  readonly status: 'ok' | 'degraded';
  readonly version: string;
  readonly proxy: 'connected' | 'disconnected';
  /** `behind`: what it could not take is kept in memory, and written when it can. */
  readonly store: 'ok' | 'behind';
  readonly runtime: {
    readonly kind: string;
    readonly name: string;
    readonly version: string;
    readonly available: boolean;
  };
  readonly projects: number;
}
