/** From one revision to the next: the new one proves itself first, then the old one goes. */
import { hasCrew } from './extras.ts';
import { isAwake, type Transition, type WritableEntry } from './project-draft.ts';
import type { ProjectInput } from './project-input.ts';
import { newInstance } from './project-state.ts';
import { retire } from './retiring.ts';
import { cancelSleep, watchForQuiet } from './sleeping.ts';
import { beginStart, RUNTIME_AWAY } from './waking.ts';

export function onRevised(step: Transition, input: Extract<ProjectInput, { kind: 'revised' }>): void {
  const { draft, current } = step;
  const { revision, instanceId, lineup, verifies } = input;
  if (draft.wanted === 'deleted' || step.entry(instanceId)) return;
  cancelSleep(step);
  draft.switchFailure = null;
  draft.verifies = verifies;
  if (step.candidate?.revision === revision) {
    draft.nextLineup = lineup;
    return;
  }
  if (step.candidate) retire(step, step.candidate);
  draft.candidate = null;
  draft.nextLineup = null;
  if (lineup.some((share) => share.revision === current?.revision)) {
    // What leads now goes on leading: whatever was on its way is given up.
    draft.lineup = lineup;
    watchForQuiet(step);
    return;
  }
  draft.nextLineup = lineup;
  const running = draft.instances.find((entry) => entry.revision === revision && isAtWork(step, entry));
  draft.candidate = running?.id ?? instanceId;
  if (running) return;
  draft.instances.push(newInstance(instanceId, revision));
  // What never worked is nothing to fall back on.
  if (current && !neverWorked(current)) return;
  promote(step);
  if (verifies && draft.wanted === 'active') draft.wake ??= { by: 'proxy' };
}

/** Takes a candidate one step on; called after every input. */
export function pursueDeploy(step: Transition): void {
  const { draft, current, candidate } = step;
  if (!candidate || draft.closing || draft.wanted === 'deleted') return;
  const serves = isAwake(current) && !current?.halt;
  const isAway = draft.failure?.code === RUNTIME_AWAY;
  const isLost = !current || (neverWorked(current) && !(current.state === 'failed' && isAway));
  if (candidate.state === 'running' && candidate.isReady && !candidate.halt && candidate.call === null) {
    if (serves && !hasCrew(step, candidate)) return;
    promote(step);
    watchForQuiet(step);
    return;
  }
  // Its engine was away, which is no fault of the revision.
  const isAgain = candidate.state === 'failed' && !candidate.halt && candidate.call === null;
  if (isAgain && !draft.resting.engine) step.move(candidate, 'retry');
  const isTried =
    serves || (!isLost && draft.wanted === 'active' && (draft.verifies || isComingBack(current)));
  if (isTried) {
    const isReady = candidate.state === 'prepared' && candidate.call === null && !candidate.halt;
    // A sleep that is signalled ends first: a further target would open its gate.
    const mayStart = draft.linked && draft.wanted === 'active' && draft.sleep === null;
    if (isReady && mayStart) beginStart(step, candidate);
    return;
  }
  if (isLost || candidate.state !== 'preparing') promote(step);
}

function neverWorked({ state, isProved }: WritableEntry): boolean {
  return !isProved && (state === 'preparing' || state === 'failed');
}

/** It served until it ended, or had to be: who waits is answered by it, not by what nobody has seen to work. */
function isComingBack({ state, halt, isProved }: WritableEntry): boolean {
  return isProved && (state === 'preparing' || state === 'failed' || halt?.reason === 'failed');
}

function isAtWork(step: Transition, entry: WritableEntry): boolean {
  return entry.state === 'running' && !entry.halt && entry.call === null && entry.id !== step.draft.candidate;
}

/** The candidate takes over: it answered, or nothing serves that it would have to replace gently. */
export function promote(step: Transition): void {
  const { draft } = step;
  const old: WritableEntry | null = step.current;
  const entry = step.candidate;
  if (!entry) return;
  draft.current = entry.id;
  draft.candidate = null;
  // An engine that was away may have been a reason to wait; it is none any more.
  draft.switchFailure = null;
  draft.lineup = draft.nextLineup ?? [{ revision: entry.revision, percent: 100 }];
  draft.nextLineup = null;
  if (old) {
    // The others of its revision follow, unless some of the requests are still theirs.
    if (!draft.lineup.some((share) => share.revision === old.revision) || !isAtWork(step, old))
      retire(step, old);
    step.record('switched', entry.id);
  }
  if (entry.state === 'starting' && !entry.halt && !draft.wake) draft.wake = { by: 'proxy' };
}
