/** What rollout commands make of a deployment. Pure but for the ids of new targets. */
import { LumaError } from '../../base/errors.ts';
import type { RolloutSetRequest } from '../client/command-schema.ts';
import type { Deployment, Rollout } from '../services/deployment.ts';
import { targetsNamed } from './deployment-request.ts';

/** The cookie by which users keep the side they are on; an app may set it to its own name of a user. */
const ROLLOUT_COOKIE = 'luma-rollout';
const NOBODY: Rollout = { targets: [], percent: 0, keys: [], cookie: ROLLOUT_COOKIE };

/** A rollout that goes on keeps its share. */
export function withRolloutTargets(deployment: Deployment, targets: readonly string[]): Deployment {
  const now = deployment.rollout ?? NOBODY;
  return { ...deployment, rollout: { ...now, targets: targetsNamed(targets, now.targets) } };
}

/** What is not said stays. */
export function withShare(name: string, deployment: Deployment, wanted: RolloutSetRequest): Deployment {
  const now = rolloutOf(name, deployment);
  const { percent = now.percent, list = now.keys, cookie = now.cookie } = wanted;
  return { ...deployment, rollout: { ...now, percent, keys: [...new Set(list)], cookie } };
}

export function withoutRollout(name: string, deployment: Deployment): Deployment {
  rolloutOf(name, deployment);
  return { ...deployment, rollout: null };
}

function rolloutOf(name: string, { rollout }: Deployment): Rollout {
  if (rollout !== null) return rollout;
  throw new LumaError('rollout_not_found', `the service ${name} has no rollout`, {
    hint: `begin one with: luma-proxy rollout deploy ${name} --target 10.0.0.6:3000`,
  });
}
