/** Which events of the runtime tell something that is not known: most are echoes of our own calls. */
import type { ObservedInstance, RuntimeEvent } from '../../runtimes/contract.ts';
import { isAwake } from '../projects/project-draft.ts';
import type { InstanceEntry } from '../projects/project-state.ts';
import type { InstanceFacts } from './instance-facts.ts';

export type ChangeEvent = Exclude<RuntimeEvent, { kind: 'relist' | 'unhealthy' }>;

/** Of an end during a call is taken note, for when it has returned. */
export function isNews(entry: InstanceEntry, facts: InstanceFacts, event: ChangeEvent): boolean {
  if (entry.call === 'stop' || entry.call === 'remove') return false;
  if (entry.call !== null) {
    facts.isSuspect ||= event.kind === 'exited' || event.kind === 'removed';
    return false;
  }
  if (event.kind === 'exited') return isAwake(entry) || entry.state === 'frozen';
  if (event.kind === 'frozen') return isAwake(entry);
  if (event.kind === 'thawed') return entry.state === 'frozen';
  if (event.kind === 'started') return entry.state === 'prepared' || entry.state === 'failed';
  return event.kind === 'removed';
}

export function isMoved({ address }: InstanceFacts, observed: ObservedInstance | null): boolean {
  if (!address || !observed?.address) return false;
  return address.host !== observed.address.host || address.port !== observed.address.port;
}
