/** From one revision to the next: the new one proves itself first, then the old one goes. */
import { retire } from './halting.ts';
import { isAwake, type Transition, type WritableEntry } from './project-draft.ts';
import { newInstance } from './project-state.ts';
import { cancelSleep } from './sleeping.ts';
import { beginStart } from './waking.ts';

export function onRevised(step: Transition, revision: number, instanceId: string): void {
  const { draft } = step;
  if (draft.wanted === 'deleted' || step.entry(instanceId)) return;
  cancelSleep(step);
  if (step.candidate) retire(step, step.candidate);
  draft.candidate = instanceId;
  draft.switchFailure = null;
  draft.instances.push(newInstance(instanceId, revision));
  // What never worked is nothing to fall back on.
  const { current } = step;
  if (!current || current.state === 'preparing' || current.state === 'failed') promote(step);
}

/** Takes a candidate one step on; called after every input. */
export function pursueDeploy(step: Transition): void {
  const { draft, current, candidate } = step;
  if (!candidate || draft.closing || draft.wanted === 'deleted') return;
  const serves = isAwake(current) && !current?.halt;
  if (serves) {
    const isReady = candidate.state === 'prepared' && candidate.call === null && !candidate.halt;
    if (isReady && draft.linked && draft.wanted === 'active') beginStart(step, candidate);
    return;
  }
  const isLost = !current || current.state === 'failed' || current.state === 'preparing';
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
