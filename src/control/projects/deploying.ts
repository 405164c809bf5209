/** From one revision to the next: the new one proves itself first, then the old one goes. */
import { retire } from './halting.ts';
import { isAwake, type Transition, type WritableEntry } from './project-draft.ts';
import type { ProjectInput } from './project-input.ts';
import { newInstance } from './project-state.ts';
import { cancelSleep, watchForQuiet } from './sleeping.ts';
import { beginStart } from './waking.ts';

export function onRevised(step: Transition, input: Extract<ProjectInput, { kind: 'revised' }>): void {
  const { draft, current } = step;
  const { revision, instanceId, verifies } = input;
  if (draft.wanted === 'deleted' || step.entry(instanceId)) return;
  cancelSleep(step);
  draft.switchFailure = null;
  draft.verifies = verifies;
  if (step.candidate?.revision === revision) return;
  if (step.candidate) retire(step, step.candidate);
  draft.candidate = null;
  if (current?.revision === revision) {
    // Back to what serves: whatever was on its way is given up.
    watchForQuiet(step);
    return;
  }
  draft.candidate = instanceId;
  draft.instances.push(newInstance(instanceId, revision));
  // What never worked is nothing to fall back on.
  if (current && current.state !== 'preparing' && current.state !== 'failed') return;
  promote(step);
  if (verifies && draft.wanted === 'active') draft.wake ??= { by: 'proxy', repaired: false };
}

/** Takes a candidate one step on; called after every input. */
export function pursueDeploy(step: Transition): void {
  const { draft, current, candidate } = step;
  if (!candidate || draft.closing || draft.wanted === 'deleted') return;
  const serves = isAwake(current) && !current?.halt;
  const isLost = !current || current.state === 'failed' || current.state === 'preparing';
  const isTried = serves || (draft.verifies && !isLost && draft.wanted === 'active');
  if (isTried) {
    const isReady = candidate.state === 'prepared' && candidate.call === null && !candidate.halt;
    if (isReady && draft.linked && draft.wanted === 'active') beginStart(step, candidate);
    return;
  }
  if (isLost || candidate.state !== 'preparing') promote(step);
}

/** The candidate takes over: it answered, or nothing serves that it would have to replace gently. */
export function promote(step: Transition): void {
  const { draft } = step;
  const old: WritableEntry | null = step.current;
  const entry = step.candidate;
  if (!entry) return;
  draft.current = entry.id;
  draft.candidate = null;
  if (old) {
    retire(step, old);
    step.record('switched', entry.id);
  }
  if (entry.state === 'starting' && !entry.halt && !draft.wake) draft.wake = { by: 'proxy', repaired: false };
}
