/**
 * What every runtime does: Docker, local processes, the fake. One contract suite
 * (`runtime.contract.ts`) proves that they all mean the same by it.
 *
 * What Luma owns is what carries its installation id AND an instance id its store knows;
 * a runtime lists by installation id and never touches anything else.
 */
import type { FieldProblem } from '../base/errors.ts';
import type { RevisionSettings } from '../domain/project.ts';
import type { RegistryCredentials } from '../domain/registry.ts';

export interface InstanceSpec {
  /** Unique for ever, e.g. `i-7f3k…`; part of the container's or log file's name. */
  readonly instanceId: string;
  readonly project: string;
  readonly revision: number;
  readonly settings: RevisionSettings;
  /** What `prepare` told of the revision's first instance: used in place of `settings.image`, whose tag may have moved. */
  readonly pinnedImage?: string | null;
}

export interface PreparedInstance {
  /** The image that this revision runs for ever: by digest, by id where there is no registry; null without an image. */
  readonly pinnedImage: string | null;
}

/** Where the edge reaches an instance, and how it knows that the app answers. */
export interface InstanceAddress {
  readonly host: string;
  readonly port: number;
  /**
   * `connect`: a TCP connection means that the app listens (a container's own address, a process).
   * `request`: something accepts before the app does (a published port); an HTTP answer is needed.
   */
  readonly readiness: 'connect' | 'request';
}

export interface StartedInstance {
  readonly address: InstanceAddress;
}

/** How an instance ended. */
export interface InstanceExit {
  /** Exit status; null when it is not known (it died while nobody watched). */
  readonly code: number | null;
  readonly signal: string | null;
  readonly outOfMemory: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export type ObservedState = 'prepared' | 'running' | 'frozen' | 'exited';

/** What the runtime finds of ours, for adoption and reconciliation. */
export interface ObservedInstance {
  readonly instanceId: string;
  readonly project: string;
  readonly revision: number;
  readonly state: ObservedState;
  /** Present while running or frozen. */
  readonly address?: InstanceAddress;
  readonly exit?: InstanceExit;
  /** The check that its image brings along fails, as often as it takes. */
  readonly failedChecks?: FailedChecks;
}

/** Of the check that an image brings along. */
export interface FailedChecks {
  /** In a row. */
  readonly count: number;
  /** So many in a row are a verdict. */
  readonly threshold: number;
}

export type RuntimeEvent =
  | { readonly kind: 'exited'; readonly instanceId: string; readonly exit: InstanceExit }
  | { readonly kind: 'started'; readonly instanceId: string }
  | { readonly kind: 'removed'; readonly instanceId: string }
  | { readonly kind: 'frozen' | 'thawed'; readonly instanceId: string }
  /** The check that its image brings along has failed as often as it says itself. */
  | { readonly kind: 'unhealthy'; readonly instanceId: string }
  /** The stream was broken and is open again: list everything, events may be missing. */
  | { readonly kind: 'relist' };

export interface LogLine {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface LogOptions {
  /** The last so many lines first; default all there are. */
  readonly tail?: number;
  /** Only lines at or after, milliseconds since the Unix epoch. */
  readonly since?: number;
  /** Go on with new lines until the signal aborts or the instance is removed; also over its restarts. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  /** A line about what takes time, e.g. `pulling nginx:1.27: 43 of 128 MB`; at most a few a second. */
  readonly onProgress?: (message: string) => void;
  /** For pulls from that registry (`docker.io`, `ghcr.io`, `localhost:5000`); null: without. */
  readonly credentialsFor?: (registry: string) => RegistryCredentials | null;
}

export interface ExecOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How a command inside an instance ended. */
export interface ExecOutcome {
  /** Exit status, 126 or 127 where there is no such program; null: it was not over in time. */
  readonly code: number | null;
  /** The end of what it wrote to either stream, at most EXEC_OUTPUT_BYTES_MAX. */
  readonly output: string;
}

export const EXEC_OUTPUT_BYTES_MAX = 4_096;

/** Errors are LumaErrors with these codes; anything else is a bug or the engine's own message in `runtime_failed`. */
export type RuntimeErrorCode =
  | 'image_not_found' // no such image here or in its registry
  | 'image_pull_denied' // the registry wants (other) credentials
  | 'registry_login_denied' // the registry does not take these credentials
  | 'registry_unreachable' // it could not be asked
  | 'image_pull_failed' // the registry refused or broke off
  | 'command_not_found' // the program of `command`/`entrypoint` does not exist or is not executable
  | 'instance_not_found' // no such instance: prepare it first
  | 'instance_exited' // it ended during start; details: { exit: InstanceExit }
  | 'port_conflict'
  | 'runtime_unavailable' // the engine does not answer; retryable
  | 'runtime_failed';

export interface Runtime {
  readonly kind: 'docker' | 'process' | 'fake';

  /** Name and version for people, e.g. `Docker 20.10.24` ; fails with `runtime_unavailable`. */
  describe(): Promise<{ readonly name: string; readonly version: string }>;

  /** What this runtime cannot do with these settings: fields as in the API, no side effects. */
  check(settings: RevisionSettings): readonly (FieldProblem & { readonly code: string })[];

  /** Whether several instances of these settings can run at once; not where they all need one fixed port of the machine. */
  canRunSeveral(settings: RevisionSettings): boolean;

  /**
   * Asks the registry whether it takes the credentials; resolves also where nobody can ask that. Left out by runtimes that
   * pull nothing.
   */
  checkLogin?(registry: string, credentials: RegistryCredentials): Promise<void>;

  /** Everything that can be done ahead, so that a wake is only a start: pull, create. Idempotent; also repairs. */
  prepare(instance: InstanceSpec, options?: PrepareOptions): Promise<PreparedInstance>;

  /**
   * Starts a prepared instance and returns once the engine says it runs: never earlier, so that nobody
   * connects before. Of a running one: returns its address. An instance that is being stopped is never
   * "started" by this: calls for one instance are made one after the other.
   */
  start(instanceId: string, signal?: AbortSignal): Promise<StartedInstance>;

  /** Suspends and resumes the processes. Idempotent. */
  freeze(instanceId: string): Promise<void>;
  thaw(instanceId: string): Promise<StartedInstance>;

  /**
   * Runs a command beside the app of a running instance: its files, network, user and variables. One that is not over in time
   * is ended where the runtime can, and no other is begun before it has. Rejects with `instance_exited` where it does not run.
   */
  exec(instanceId: string, command: readonly string[], options: ExecOptions): Promise<ExecOutcome>;

  /** Stop signal, then a kill after `timeoutMs`; resolves when it has exited. Idempotent; also of a frozen one. */
  stop(instanceId: string, timeoutMs: number): Promise<InstanceExit | null>;

  /** Stops at once if needed, and removes every trace but the logs' last lines. Idempotent. */
  remove(instanceId: string): Promise<void>;

  /** Everything that carries our installation id, known to the store or not. */
  list(): Promise<readonly ObservedInstance[]>;

  /** Events from now on; re-opens by itself and then says `relist`. Returns how to stop watching. */
  watch(listener: (event: RuntimeEvent) => void): () => void;

  logs(instanceId: string, options?: LogOptions): AsyncIterable<LogLine>;

  /**
   * Ends what the runtime itself keeps running for instances that sleep, when Luma leaves for good: then nothing of
   * ours runs. Left out by runtimes that keep nothing. Only `close` may follow.
   */
  rest?(): Promise<void>;

  /** Lets go of connections and watchers. Instances go on. */
  close(): Promise<void>;
}
