/** What a person registers on the platform, after validation and with defaults filled in. */
import { DEFAULT_KEEPING, type KeepingSettings } from './keeping.ts';
import { NO_PROBES, type Probes } from './probe.ts';
import type { TrafficShare } from './revision.ts';

export interface HealthCheck {
  /** Origin-form path, e.g. `/healthz`; ready means a 2xx answer. */
  readonly path: string;
  /** How long one attempt may take. Default 5,000. */
  readonly timeoutMs: number;
}

/** What a request meets while the project wakes: it waits, a browser sees a page that reloads itself, or 503 at once. */
export type WaitMode = 'hold' | 'page' | 'reject';

/** Names requests that neither wake nor keep awake. Every condition that is given must hold; at least one is. */
export interface QuietRule {
  /** The whole path, or its beginning where it ends in `*`. */
  readonly path: string | null;
  readonly methods: readonly string[] | null;
  /** A part of the User-Agent, in upper or lower case. */
  readonly userAgent: string | null;
  /** An address or a CIDR range that holds the client's. */
  readonly client: string | null;
  /** What they get while the project sleeps. */
  readonly answer: QuietAnswer;
}

export interface QuietAnswer {
  readonly status: number;
  readonly body: string;
}

/** The part of a project that makes a revision: a change of any of these needs a new instance. */
export interface RevisionSettings {
  /** Image reference as the user wrote it; null where `command` alone is the program (process runtime). */
  readonly image: string | null;
  readonly command: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly workingDir: string | null;
  readonly envVars: Readonly<Record<string, string>>;
  /** The port the app listens on; null: Luma chooses and tells it in PORT (process runtime; 8080 in containers). */
  readonly containerPort: number | null;
  /** The short form of a startup probe; not beside one. */
  readonly healthCheck: HealthCheck | null;
  readonly probes: Probes;
  /** From the stop signal to the kill. Default 10,000. */
  readonly stopTimeoutMs: number;
}

/** The part that routes and sleeps: a change of these touches no instance. */
export interface ServiceSettings {
  /** At least one; the first is the primary. Lower case, no port. */
  readonly hostnames: readonly string[];
  /** From the end of the last exchange to the sleep; null = never. Default 20,000. */
  readonly idleTimeoutMs: number | null;
  /** How long a request is held for a wake. Default 60,000; greater than stopTimeoutMs. */
  readonly wakeTimeoutMs: number;
  /** Default `hold`. */
  readonly waitMode: WaitMode;
  /** Default none; the first that matches counts. */
  readonly quietRules: readonly QuietRule[];
  /** It answers by HTTPS, with certificates that the proxy gets itself. Default false. */
  readonly ssl: boolean;
  /** With `ssl`: HTTP is sent on to HTTPS. Default true. */
  readonly sslRedirect: boolean;
  /** From a request to the head of its answer; null: no limit. Default 300,000. */
  readonly responseTimeoutMs: number | null;
  /** The client's own `X-Forwarded-*` are appended to instead of replaced. Default false. */
  readonly forwardHeaders: boolean;
  /** Paths outside of it are not the project's: 404. Default `/`. */
  readonly pathPrefix: string;
  /** A client comes back to the revision that served it first, by cookie. Default false. */
  readonly stickyTraffic: boolean;
  readonly scaling: ScalingSettings;
  readonly keeping: KeepingSettings;
}

/** How many instances there are, and when they are suspended. */
export interface ScalingSettings {
  /** Default 0. With one or more it never sleeps and is never frozen. */
  readonly minInstances: number;
  /** Of one revision. Default 100. */
  readonly maxInstances: number;
  /** Exchanges that one instance gets at once; further ones wait at the edge. Default 80. */
  readonly concurrency: number;
  /** The part of `concurrency` that an instance should have on average. Default 0.7. */
  readonly targetUtilization: number;
  /** From the end of the last exchange until it is suspended; null = it is not. Default null; shorter than idleTimeoutMs. */
  readonly freezeAfterMs: number | null;
  /** A client comes back to the instance that it had first. Default false. */
  readonly sessionAffinity: boolean;
}

export const DEFAULT_SCALING: ScalingSettings = {
  minInstances: 0,
  maxInstances: 100,
  concurrency: 80,
  targetUtilization: 0.7,
  freezeAfterMs: null,
  sessionAffinity: false,
};

export interface ProjectSettings extends RevisionSettings, ServiceSettings {
  /** DNS label: `[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 63 characters. */
  readonly name: string;
}

/** What holds of a revision where a person says nothing. */
export const DEFAULT_REVISION_SETTINGS: Omit<RevisionSettings, 'image'> = {
  command: null,
  entrypoint: null,
  workingDir: null,
  envVars: {},
  containerPort: null,
  healthCheck: null,
  probes: NO_PROBES,
  stopTimeoutMs: 10_000,
};

/** What holds where a person says nothing: with the above the one place of every default. */
export const DEFAULT_SETTINGS: Omit<ProjectSettings, 'name' | 'image' | 'hostnames'> = {
  ...DEFAULT_REVISION_SETTINGS,
  idleTimeoutMs: 20_000,
  wakeTimeoutMs: 60_000,
  waitMode: 'hold',
  quietRules: [],
  ssl: false,
  sslRedirect: true,
  responseTimeoutMs: 300_000,
  forwardHeaders: false,
  pathPrefix: '/',
  stickyTraffic: false,
  scaling: DEFAULT_SCALING,
  keeping: DEFAULT_KEEPING,
};

/** Only a person's stop and start change it. */
export type Wanted = 'active' | 'stopped';

/** A registered project as the store keeps it. */
export interface Project {
  readonly settings: ProjectSettings;
  readonly wanted: Wanted;
  /** Number of the revision that `settings` are: 1, 2, 3 … A rollback goes back to an earlier one. */
  readonly revision: number;
  /** Who is to get the requests; at least one share, that of the lead first. */
  readonly traffic: readonly TrafficShare[];
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Name of a revision as the container sees it in K_REVISION: `my-app-00007`. */
export function revisionName(project: string, revision: number): string {
  return `${project}-${String(revision).padStart(5, '0')}`;
}
