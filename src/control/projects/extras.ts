/**
 * Instances beside the one that leads: as many as the load asks for, of every revision that gets requests. They exist
 * only while the project is awake; what is too much drains without a limit, and can be taken back until its stop begins.
 */
import { distribute } from '../scaling/distribution.ts';
import { isExtra, mayRun, type Transition, type WritableEntry } from './project-draft.ts';
import { newInstance } from './project-state.ts';
import { retire } from './retiring.ts';
import { beginStart } from './waking.ts';

export function onScaled(step: Transition, count: number): void {
  step.draft.count = Math.max(1, count);
}

/** The candidate has as many beside it as the load asks for. */
export function hasCrew(step: Transition, candidate: WritableEntry): boolean {
  const { draft } = step;
  const wanted = wantedOf(step, draft.nextLineup ?? []).get(candidate.revision) ?? 1;
  const running = draft.instances.filter(
    (entry) => entry.revision === candidate.revision && entry.state === 'running' && !entry.halt,
  );
  return running.length >= Math.min(wanted, draft.most);
}

/** While others answer, one that does not is no leader. */
export function pursueLead(step: Transition): void {
  const { draft, current } = step;
  if (!current || current.halt?.reason === 'sleep') return;
  if (current.state === 'running' && (current.isReady || current.halt || draft.sleep)) return;
  if (draft.wanted !== 'active' || draft.closing) return;
  const successor = successorOf(step, current);
  if (successor) draft.current = successor.id;
}

/** One of the same revision that answers. */
export function successorOf(step: Transition, current: WritableEntry): WritableEntry | undefined {
  const isFit = (entry: WritableEntry): boolean =>
    isExtra(step, entry) &&
    entry.state === 'running' &&
    entry.isReady &&
    !entry.halt &&
    entry.call === null &&
    entry.revision === current.revision;
  return step.draft.instances.find(isFit);
}

/** Takes the number of instances one step towards what is wanted; called after every input. */
export function pursueExtras(step: Transition): void {
  const { draft } = step;
  const serves = isServing(step);
  for (const entry of draft.instances) {
    if (!isExtra(step, entry) || entry.halt) continue;
    const isSpent = entry.state === 'failed' || (!serves && !mayRun(entry));
    if (isSpent || !isWantedRevision(step, entry.revision)) retire(step, entry);
  }
  if (!serves) return;
  for (const [revision, wanted] of wantedExtras(step)) {
    const extras = draft.instances.filter((entry) => isExtra(step, entry) && entry.revision === revision);
    if (extras.length < wanted) add(step, revision, wanted - extras.length);
    for (const entry of surplusOf(extras, wanted)) release(step, entry);
  }
  for (const entry of draft.instances) {
    if (isExtra(step, entry) && entry.state === 'prepared' && !entry.halt && entry.call === null)
      beginStart(step, entry);
  }
}

function isServing(step: Transition): boolean {
  const { draft, current } = step;
  const isMeant = draft.wanted === 'active' && !draft.closing && draft.linked && draft.sleep === null;
  return isMeant && current?.state === 'running' && current.halt === null;
}

function isWantedRevision(step: Transition, revision: number): boolean {
  const { draft, candidate, current } = step;
  const isListed = draft.lineup.some((share) => share.revision === revision);
  return isListed || revision === current?.revision || revision === candidate?.revision;
}

function wantedOf({ draft }: Transition, lineup: Transition['draft']['lineup']): ReadonlyMap<number, number> {
  return distribute(lineup, Math.max(draft.count, draft.least, 1));
}

/** By revision, beside the leader and a candidate that answers already. */
function wantedExtras(step: Transition): ReadonlyMap<number, number> {
  const { draft, current, candidate } = step;
  const wanted = new Map<number, number>();
  const note = (lineup: Transition['draft']['lineup'], lead: WritableEntry | null): void => {
    for (const [revision, count] of wantedOf(step, lineup)) {
      const limited = Math.min(count, draft.most);
      wanted.set(revision, revision === lead?.revision ? limited - 1 : limited);
    }
  };
  note(draft.lineup, current);
  if (candidate?.state === 'running' && draft.nextLineup) {
    const own = draft.nextLineup.filter((share) => share.revision === candidate.revision);
    note(own, candidate);
  } else if (candidate) wanted.set(candidate.revision, 0);
  return wanted;
}

function add(step: Transition, revision: number, missing: number): void {
  const { draft } = step;
  let left = missing;
  for (const entry of draft.instances) {
    if (left === 0 || entry.revision !== revision || !isRecoverable(entry)) continue;
    entry.halt = null;
    left -= 1;
  }
  if (draft.scaleRests) return;
  for (; left > 0; left -= 1) {
    draft.madeCount += 1;
    draft.instances.push(newInstance(`${draft.seed}-${draft.madeCount}`, revision));
  }
}

/** It only drains yet: the proxy can have it back. */
function isRecoverable({ halt, state, call, intent, storing }: WritableEntry): boolean {
  const isOnlyDraining = halt?.reason === 'surplus' && halt.drain !== 'done' && state === 'running';
  return isOnlyDraining && call === null && intent === 'live' && storing === null;
}

/** Those that nobody uses yet first, then the youngest. */
function surplusOf(extras: readonly WritableEntry[], wanted: number): readonly WritableEntry[] {
  const byUse = extras.toSorted((a, b) => Number(b.state === 'running') - Number(a.state === 'running'));
  return byUse.slice(Math.max(0, wanted));
}

function release(step: Transition, entry: WritableEntry): void {
  if (entry.state !== 'running' || entry.call !== null) retire(step, entry);
  else entry.halt = { reason: 'surplus', drain: 'needed' };
}
