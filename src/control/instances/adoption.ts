/**
 * What a control plane makes of what it finds: the store's records beside the runtime's list, for one project.
 * Pure. What was begun is finished, what runs is kept, what is missing is made again.
 */

import type { Project } from '../../domain/project.ts';
import type { ObservedInstance } from '../../runtimes/contract.ts';
import type { InstanceRecord } from '../../store/contract.ts';
import { lineupOf } from '../projects/lineup.ts';
import { type InstanceEntry, newInstance, type ProjectBasis } from '../projects/project-state.ts';
import { sleepPolicyOf } from '../projects/sleep-policy.ts';

export interface Adoption {
  readonly basis: ProjectBasis;
  /** An instance that the store does not know yet, if the newest revision had none. */
  readonly made: string | null;
}

export function adoptProject(
  project: Project,
  records: readonly InstanceRecord[],
  observed: ReadonlyMap<string, ObservedInstance>,
  newId: () => string,
  bounds: { readonly least: number; readonly most: number },
): Adoption {
  const mayFreeze = project.settings.scaling.freezeAfterMs !== null;
  const byAge = [...records].sort((a, b) => a.revision - b.revision || a.createdAt - b.createdAt);
  const entries = byAge.map((record) => adoptInstance(record, observed.get(record.instanceId), mayFreeze));
  const usable = entries.filter((entry) => entry.intent !== 'removing');
  const wanted = lineupOf(project);
  const leading = wanted.some((share) => share.revision === project.revision)
    ? project.revision
    : (wanted[0]?.revision ?? project.revision);
  const ofLeading = usable.filter((entry) => entry.revision === leading);
  const found = ofLeading.find(isRunning) ?? ofLeading.at(-1);
  const newest = found ?? newInstance(newId(), leading);
  const earlier = usable.filter((entry) => !wanted.some((share) => share.revision === entry.revision));
  // One before that was not to go yet has not been replaced: it goes on until the newest has shown that it starts.
  const fallback = found && isRunning(found) ? undefined : (earlier.findLast(isRunning) ?? earlier.at(-1));
  const kept = [newest.id, fallback?.id];
  const isKept = (entry: InstanceEntry): boolean =>
    isRunning(entry) && (entry.revision === fallback?.revision || !earlier.includes(entry));
  const others = entries
    .filter((entry) => !kept.includes(entry.id))
    .map((entry) => (isKept(entry) ? entry : retired(entry)));
  return {
    basis: {
      wanted: project.wanted,
      ...sleepPolicyOf(project.settings, bounds.least),
      current: fallback?.id ?? newest.id,
      candidate: fallback ? newest.id : null,
      verifies: fallback !== undefined,
      lineup: fallback ? [{ revision: fallback.revision, percent: 100 }] : wanted,
      nextLineup: fallback ? wanted : null,
      ...bounds,
      seed: newId(),
      instances: [...others, ...(fallback ? [fallback] : []), newest].map((entry) =>
        project.wanted === 'stopped' ? stopped(entry) : entry,
      ),
    },
    made: found ? null : newest.id,
  };
}

function isRunning(entry: InstanceEntry): boolean {
  return entry.state === 'starting' && !entry.halt;
}

function adoptInstance(
  record: InstanceRecord,
  observed: ObservedInstance | undefined,
  mayFreeze: boolean,
): InstanceEntry {
  // Whether it ever answered is not stored: it is given the benefit of the doubt.
  const entry = { ...newInstance(record.instanceId, record.revision), intent: record.intent, isProved: true };
  const runs = observed?.state === 'running' || observed?.state === 'frozen';
  if (record.intent === 'live') {
    // Where it was not meant to be frozen it is thawed when it is met again after the start.
    if (observed?.state === 'frozen' && mayFreeze) return { ...entry, state: 'frozen' };
    if (observed?.state === 'running' && observed.address)
      return { ...entry, state: 'starting', located: true };
    return { ...entry, state: observed ? 'prepared' : 'preparing' };
  }
  const reason = record.intent === 'stopping' ? 'stop' : 'retire';
  // Its stop may have begun: it is finished, after the exchanges that still run there.
  if (runs) return { ...entry, state: 'running', located: true, halt: { reason, drain: 'needed' } };
  if (reason === 'retire') return { ...entry, state: 'prepared', halt: { reason, drain: 'done' } };
  return { ...entry, state: observed ? 'prepared' : 'preparing' };
}

function retired(entry: InstanceEntry): InstanceEntry {
  return { ...entry, halt: { reason: 'retire', drain: entry.located ? 'needed' : 'done' } };
}

function stopped(entry: InstanceEntry): InstanceEntry {
  if (entry.state !== 'starting' || entry.halt) return entry;
  return { ...entry, halt: { reason: 'stop', drain: 'needed' } };
}
