/**
 * Whether an instance runs in a network that is no more: its sandbox ended, or was started anew, after it. Nobody
 * reaches such an instance, so it must be ended and started again. Pure.
 */
import type { ContainerInspectInfo } from 'dockerode';
import { isUp } from './container-state.ts';

/** `suspected`: the times say so, which a clock that was set back does too. */
export type Connection = 'joined' | 'suspected' | 'cut-off';

type Stated = Pick<ContainerInspectInfo, 'State'>;

export function connectionOf(instance: Stated, sandbox: Stated | null): Connection {
  if (!sandbox || !isUp(sandbox.State)) return 'cut-off';
  const isOlder = Date.parse(instance.State.StartedAt) < Date.parse(sandbox.State.StartedAt);
  return isOlder ? 'suspected' : 'joined';
}
