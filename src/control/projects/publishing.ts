/** What the proxy should have of the project, and keeping it so: one publish at a time, the last one wins. */
import type { StartFailure } from '../../domain/project-status.ts';
import { isAwake, type Transition } from './project-draft.ts';
import type { InstanceEntry, Lineup, ProjectState, Publication } from './project-state.ts';

const CONFLICT_RETRY_MS = 10_000;

/** The instances that may be sent exchanges; the proxy probes those it does not know. */
export function desiredPublication(state: ProjectState): Publication {
  const { routes } = state;
  if (state.wanted === 'deleted') return { traffic: 'none', targets: [], split: [], routes };
  if (state.wanted === 'stopped' || state.closing)
    return { traffic: 'stopped', targets: [], split: [], routes };
  const targets = state.instances.filter((entry) => isTarget(state, entry));
  return { traffic: 'forward', targets: targets.map((entry) => entry.id), split: splitOf(state), routes };
}

/** A signalled sleep leaves the target in place until the intention to stop is stored. */
function isTarget(state: ProjectState, entry: InstanceEntry): boolean {
  if (!isAwake(entry) || !entry.located || !entry.isReady) return false;
  if (entry.halt?.reason !== 'sleep') return entry.halt === null;
  // All at once: a publication that leaves some of them would open the gate for those.
  return state.instances.some(({ halt, intent }) => halt?.reason === 'sleep' && intent !== 'stopping');
}

/** A candidate is reached and asked, but gets nothing while others serve. */
function splitOf(state: ProjectState): Lineup {
  const current = state.instances.find(({ id }) => id === state.current);
  const candidate = state.instances.find(({ id }) => id === state.candidate);
  const serves = isAwake(current ?? null) && current?.located === true;
  const isNew =
    candidate &&
    isTarget(state, candidate) &&
    !state.lineup.some((share) => share.revision === candidate.revision);
  if (serves && isNew) return [...state.lineup, { revision: candidate.revision, percent: 0 }];
  return state.lineup.length > 1 ? state.lineup : [];
}

export function isSamePublication(a: Publication | null, b: Publication): boolean {
  return (
    a !== null &&
    a.traffic === b.traffic &&
    a.routes === b.routes &&
    isSameLineup(a.split, b.split) &&
    a.targets.length === b.targets.length &&
    a.targets.every((id, at) => id === b.targets[at])
  );
}

function isSameLineup(a: Lineup, b: Lineup): boolean {
  return (
    a.length === b.length &&
    a.every(({ revision, percent }, at) => b[at]?.revision === revision && b[at]?.percent === percent)
  );
}

/** No new exchange can reach the instance any more. */
export function isUnrouted(state: ProjectState, id: string): boolean {
  if (state.conflict) return true;
  if (!state.linked) return state.closing;
  const { published, publishing } = state;
  return published !== null && !published.targets.includes(id) && !publishing?.targets.includes(id);
}

export function pursuePublication(step: Transition): void {
  const { draft } = step;
  if (!draft.linked || draft.publishing || draft.resting.link) return;
  const desired = desiredPublication(draft);
  if (isSamePublication(draft.published, desired)) return;
  if (isKeptBack(draft, desired)) return;
  draft.publishing = desired;
  step.emit({ kind: 'publish', publication: desired });
}

/**
 * Other targets open the gate that a sleep has closed or is about to close: they wait until that is decided. None at all keep it
 * closed. Before the signal a target may go: the gate opens, and the signal comes too late.
 */
function isKeptBack({ sleep, published }: ProjectState, desired: Publication): boolean {
  if (!sleep || desired.targets.length === 0) return false;
  const known = published?.targets ?? [];
  const isSame = desired.targets.length === known.length;
  return desired.targets.some((id) => !known.includes(id)) || (sleep.phase !== 'asking' && !isSame);
}

export function onPublished(step: Transition, publication: Publication): void {
  const { draft } = step;
  if (!isSamePublication(draft.publishing, publication)) return;
  draft.published = publication;
  draft.publishing = null;
  draft.conflict = null;
}

export function onPublishFailed(step: Transition, conflict: StartFailure | null): void {
  const { draft } = step;
  if (!draft.publishing) return;
  draft.publishing = null;
  draft.published = null;
  draft.conflict = conflict;
  step.rest('link');
  if (conflict) step.emit({ kind: 'arm', timer: 'retry', delayMs: CONFLICT_RETRY_MS });
}
