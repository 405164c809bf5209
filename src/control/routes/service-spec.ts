/** A project as the proxy is told about it. Pure. */

import { startupOf } from '../../domain/probe.ts';
import type { ProjectSettings, RevisionSettings } from '../../domain/project.ts';
import type {
  LaneSplit,
  Readiness,
  ServiceSpec,
  TargetSpec,
  TrafficGroup,
} from '../../proxy/client/contract.ts';
import { AFFINITY_COOKIE, PLAIN_ISSUANCE, PLAIN_OPTIONS } from '../../proxy/client/index.ts';
import type { InstanceAddress } from '../../runtimes/contract.ts';

/**
 * A request is held a little longer than a wake may take, so that who waits hears why it failed
 * and not merely that it took too long.
 */
export const HOLD_GRACE_MS = 500;
/** A stop is a person's word; the platform's end is another. */
const CLOSING = 'The platform is shutting down, or has shut down.';
export const TRAFFIC_COOKIE = 'luma_traffic';
const DEFAULT_PROBE_TIMEOUT_MS = 5_000;

/** What its project says beside its settings. */
export interface ServiceRole {
  /** The project's name, or that of a lane. */
  readonly service: string;
  readonly lanes: LaneSplit | null;
}

export function serviceSpec(
  { service, lanes }: ServiceRole,
  settings: ProjectSettings,
  traffic: 'forward' | 'stopped' | 'closing',
  targets: readonly TargetSpec[],
  groups: readonly TrafficGroup[] = [],
): ServiceSpec {
  return {
    name: service,
    hosts: [...settings.hostnames, ...(lanes ? hostsOf(lanes) : [])],
    pathPrefixes: [settings.pathPrefix],
    stripPathPrefix: false,
    traffic: traffic === 'closing' ? 'stopped' : traffic,
    ...(traffic === 'closing' ? { stopMessage: CLOSING } : {}),
    holdTimeoutMs: settings.wakeTimeoutMs + HOLD_GRACE_MS,
    waitMode: settings.waitMode,
    quietRules: settings.quietRules,
    quietAfterMs: settings.idleTimeoutMs,
    ...PLAIN_OPTIONS,
    tls: settings.ssl ? { redirect: settings.sslRedirect, hstsSeconds: 0 } : null,
    forwardHeaders: settings.forwardHeaders,
    issuance: PLAIN_ISSUANCE,
    responseTimeoutMs: settings.responseTimeoutMs ?? 0,
    targetConcurrency: settings.scaling.concurrency,
    split: groups.length > 0 ? { groups, stickyCookie: null } : null,
    laneSplit: lanes && lanes.lanes.length > 0 ? lanes : null,
    affinityCookie: settings.scaling.sessionAffinity ? AFFINITY_COOKIE : null,
    targets,
  };
}

/** Those of tags: also where no lane is left to tell them from the others. */
function hostsOf({ lanes, ownHosts }: LaneSplit): readonly string[] {
  return [...ownHosts, ...lanes.flatMap(({ hosts }) => hosts)];
}

/** How the edge knows that it answers is fixed with the revision: a later change of settings does not touch it. */
export function targetSpec(id: string, address: InstanceAddress, settings: RevisionSettings): TargetSpec {
  return { id, host: address.host, port: address.port, readiness: readinessOf(address, settings) };
}

/** A connection says that it answers: no other port, no answer of the app itself. */
export function isReachedByConnecting({ port, readiness }: TargetSpec): boolean {
  return readiness.kind === 'connect' && (readiness.port ?? port) === port;
}

/** A command is run before the edge hears of the instance: what is left to ask is whether its port is open. */
function readinessOf(address: InstanceAddress, settings: RevisionSettings): Readiness {
  const startup = startupOf(settings);
  const plain = { kind: address.readiness, path: null, timeoutMs: DEFAULT_PROBE_TIMEOUT_MS };
  if (!startup || startup.check.kind === 'exec') return plain;
  const { check, timeoutMs, periodMs } = startup;
  const port = check.port ?? undefined;
  // The short form is asked as ever; whoever writes a probe down says how often.
  const more = { ...(port && { port }), ...(settings.probes.startup && { periodMs }) };
  if (check.kind === 'tcp_socket') return { ...plain, timeoutMs, ...more };
  const headers = Object.keys(check.headers).length > 0 ? { headers: check.headers } : {};
  return { kind: 'request', path: check.path, timeoutMs, ...more, ...headers };
}
