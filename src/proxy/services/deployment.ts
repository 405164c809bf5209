/**
 * What client commands have said of one service, whole: the one source of its spec. It goes with the route to the
 * workers and into the state file, so that whichever of them outlives the daemon has all of it. Replaced, never changed.
 */
import { z } from 'zod';
import type { ServiceSpec, TargetSpec } from '../client/contract.ts';
import {
  DEPLOYED_HOLD_TIMEOUT_MS,
  DURATION_MS_MAX,
  HOSTS_PER_SERVICE_MAX,
  PATH_PREFIXES_PER_SERVICE_MAX,
  STOP_MESSAGE_CHARACTERS_MAX,
  TARGETS_PER_SERVICE_MAX,
} from '../limits.ts';

const durationMs = z.number().min(0).max(DURATION_MS_MAX);

const healthCheckSchema = z.strictObject({
  /** Null: a TCP connection is enough. */
  path: z.string().nullable(),
  intervalMs: durationMs,
  timeoutMs: durationMs,
  /** Null: the target's own. */
  port: z.int().nullable(),
  /** For the `Host` of the check; null: the target's address. */
  host: z.string().nullable(),
});

const trafficSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('forward') }),
  z.strictObject({ kind: z.literal('paused'), maxPauseMs: durationMs }),
  z.strictObject({ kind: z.literal('stopped'), message: z.string().max(STOP_MESSAGE_CHARACTERS_MAX) }),
]);

export const deploymentSchema = z.strictObject({
  hosts: z.array(z.string()).max(HOSTS_PER_SERVICE_MAX).readonly(),
  pathPrefixes: z.array(z.string()).max(PATH_PREFIXES_PER_SERVICE_MAX).readonly(),
  stripPathPrefix: z.boolean(),
  responseTimeoutMs: durationMs,
  healthCheck: healthCheckSchema.readonly(),
  targets: z
    .array(z.strictObject({ id: z.string(), host: z.string(), port: z.int() }).readonly())
    .max(TARGETS_PER_SERVICE_MAX)
    .readonly(),
  traffic: trafficSchema.readonly(),
});

export type Deployment = Readonly<z.infer<typeof deploymentSchema>>;
export type DeployedTarget = Deployment['targets'][number];
export type HealthCheck = Deployment['healthCheck'];
export type DeployedTraffic = Deployment['traffic'];

export function specOfDeployment(name: string, deployment: Deployment): ServiceSpec {
  const { hosts, pathPrefixes, stripPathPrefix, responseTimeoutMs, traffic, healthCheck } = deployment;
  return {
    name,
    hosts,
    pathPrefixes,
    stripPathPrefix,
    traffic: traffic.kind === 'stopped' ? 'stopped' : 'forward',
    holdTimeoutMs: traffic.kind === 'paused' ? traffic.maxPauseMs : DEPLOYED_HOLD_TIMEOUT_MS,
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
    responseTimeoutMs,
    targetConcurrency: 0,
    targets: deployment.targets.map((target) => ({ ...target, readiness: readinessOf(healthCheck) })),
  };
}

/** For the time after a reboot, when nobody checks before: as the check was, where it went to the target itself. */
function readinessOf({ path, port, host, timeoutMs }: HealthCheck): TargetSpec['readiness'] {
  const isOfTarget = path !== null && port === null && host === null;
  return isOfTarget
    ? { kind: 'request', path, timeoutMs: Math.max(1, timeoutMs) }
    : { kind: 'connect', path: null, timeoutMs: Math.max(1, timeoutMs) };
}
