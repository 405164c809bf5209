/** What quiet may do to a service: put it to sleep, suspend it before that, or nothing. Pure. */
import type { ProjectSettings } from '../../domain/project.ts';

export interface SleepPolicy {
  readonly sleepy: boolean;
  readonly freezes: boolean;
}

/**
 * Instances that are always to be there are to be there awake: a service that keeps some is neither stopped nor suspended,
 * or it would be resumed for its minimum and suspended for its quiet for ever.
 */
export function sleepPolicyOf({ idleTimeoutMs, scaling }: ProjectSettings, least: number): SleepPolicy {
  const mayRest = least === 0;
  return { sleepy: mayRest && idleTimeoutMs !== null, freezes: mayRest && scaling.freezeAfterMs !== null };
}
