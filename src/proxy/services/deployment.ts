/**
 * What client commands have said of one service, whole: the one source of its spec. It goes with the route to the
 * workers and into the state file, so that whichever of them outlives the daemon has all of it. Replaced, never changed.
 */
import { z } from 'zod';
import type { ServiceSpec, TargetSpec } from '../client/contract.ts';
import { AFFINITY_COOKIE } from '../client/plain-options.ts';
import {
  DEPLOYED_HOLD_TIMEOUT_MS,
  DURATION_MS_MAX,
  HOSTS_PER_SERVICE_MAX,
  PATH_PREFIXES_PER_SERVICE_MAX,
  SPLIT_KEYS_MAX,
  STOP_MESSAGE_CHARACTERS_MAX,
  TARGETS_PER_SERVICE_MAX,
} from '../limits.ts';
import { cookieNameSchema, issuanceSchema, optionsShape } from './service-schema.ts';

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

const targetsSchema = z
  .array(z.strictObject({ id: z.string(), host: z.string(), port: z.int() }).readonly())
  .max(TARGETS_PER_SERVICE_MAX)
  .readonly();

/** Targets beside the service's own, for a share of its users. */
const rolloutSchema = z.strictObject({
  targets: targetsSchema,
  percent: z.number().min(0).max(100),
  /** Values of the cookie whose users have it whatever the percentage. */
  keys: z.array(z.string()).max(SPLIT_KEYS_MAX).readonly(),
  cookie: cookieNameSchema,
});

export const deploymentSchema = z.strictObject({
  hosts: z.array(z.string()).max(HOSTS_PER_SERVICE_MAX).readonly(),
  pathPrefixes: z.array(z.string()).max(PATH_PREFIXES_PER_SERVICE_MAX).readonly(),
  stripPathPrefix: z.boolean(),
  responseTimeoutMs: durationMs,
  healthCheck: healthCheckSchema.readonly(),
  targets: targetsSchema,
  traffic: trafficSchema.readonly(),
  ...optionsShape,
  issuance: issuanceSchema,
  /** A client comes back to the target it had first. Absent in what was saved before it existed. */
  sessionAffinity: z.boolean().default(false),
  rollout: rolloutSchema.readonly().nullable().default(null),
});

export type Deployment = Readonly<z.infer<typeof deploymentSchema>>;
export type DeployedTarget = Deployment['targets'][number];
export type HealthCheck = Deployment['healthCheck'];
export type DeployedTraffic = Deployment['traffic'];
export type Rollout = NonNullable<Deployment['rollout']>;

/** All of them: the service's own, then those of its rollout. */
export function targetsOf({ targets, rollout }: Deployment): readonly DeployedTarget[] {
  return rollout === null ? targets : [...targets, ...rollout.targets];
}

export function specOfDeployment(name: string, deployment: Deployment): ServiceSpec {
  const {
    traffic,
    healthCheck: _healthCheck,
    rollout: _rollout,
    targets: _targets,
    sessionAffinity,
    ...settings
  } = deployment;
  return {
    ...settings,
    name,
    traffic: traffic.kind === 'stopped' ? 'stopped' : 'forward',
    holdTimeoutMs: traffic.kind === 'paused' ? traffic.maxPauseMs : DEPLOYED_HOLD_TIMEOUT_MS,
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
    targetConcurrency: 0,
    split: splitOf(deployment),
    laneSplit: null,
    affinityCookie: sessionAffinity ? AFFINITY_COOKIE : null,
    targets: targetsOf(deployment).map((target) => ({ ...target, readiness: readinessOf(deployment) })),
  };
}

function splitOf({ targets, rollout }: Deployment): ServiceSpec['split'] {
  if (rollout === null) return null;
  const idsOf = (some: readonly DeployedTarget[]): string[] => some.map(({ id }) => id);
  const { percent, keys } = rollout;
  return {
    groups: [
      { name: 'rollout', percent, keys, targetIds: idsOf(rollout.targets) },
      { name: 'service', percent: 100 - percent, keys: [], targetIds: idsOf(targets) },
    ],
    stickyCookie: rollout.cookie,
  };
}

/**
 * For the time after a reboot, when nobody checks before: as the check was, where it went to the target itself and the
 * edge's probe speaks its protocol.
 */
function readinessOf({ healthCheck, targetProtocol }: Deployment): TargetSpec['readiness'] {
  const { path, port, host, timeoutMs } = healthCheck;
  const isOfTarget = path !== null && port === null && host === null && targetProtocol === 'http1';
  return isOfTarget
    ? { kind: 'request', path, timeoutMs: Math.max(1, timeoutMs) }
    : { kind: 'connect', path: null, timeoutMs: Math.max(1, timeoutMs) };
}
