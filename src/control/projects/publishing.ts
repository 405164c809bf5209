/** What the proxy should have of the project, and keeping it so: one publish at a time, the last one wins. */
import type { StartFailure } from '../../domain/project-status.ts';
import { isAwake, type Transition } from './project-draft.ts';
import type { InstanceEntry, ProjectState, Publication } from './project-state.ts';

const CONFLICT_RETRY_MS = 10_000;

/** The instances that may be sent exchanges; the proxy probes those it does not know. */
export function desiredPublication(state: ProjectState): Publication {
  const { routes } = state;
  if (state.wanted === 'deleted') return { traffic: 'none', targets: [], routes };
  if (state.wanted === 'stopped' || state.closing) return { traffic: 'stopped', targets: [], routes };
  const ids = [state.current, state.candidate];
  const targets = state.instances.filter((entry) => ids.includes(entry.id) && isTarget(entry));
  return { traffic: 'forward', targets: targets.map((entry) => entry.id), routes };
}

/** A signalled sleep leaves the target in place until the intention to stop is stored. */
function isTarget(entry: InstanceEntry): boolean {
  if (!isAwake(entry) || !entry.located) return false;
  return entry.halt === null || (entry.halt.reason === 'sleep' && entry.intent !== 'stopping');
}

export function isSamePublication(a: Publication | null, b: Publication): boolean {
  return (
    a !== null &&
    a.traffic === b.traffic &&
    a.routes === b.routes &&
    a.targets.length === b.targets.length &&
    a.targets.every((id, at) => id === b.targets[at])
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
  draft.publishing = desired;
  step.emit({ kind: 'publish', publication: desired });
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
