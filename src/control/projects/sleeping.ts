/** The two-phase sleep: fence, signalled, and only then the stop. Cut short by whoever wants the project awake. */

import { isAwaited, isAwake, isExtra, type Transition, type WritableEntry } from './project-draft.ts';
import type { KnownActivity, SleepDepth } from './project-state.ts';
import { retire } from './retiring.ts';

/** A refused fence is not asked again sooner: a proxy that always refuses must not keep us busy. */
const REARM_AFTER_MS = 20;
const PERSON_TRIES = 3;

export function maySleep({ draft, current, candidate }: Transition): boolean {
  return (
    draft.linked &&
    draft.wanted === 'active' &&
    !draft.closing &&
    draft.sleep === null &&
    !isAwaited(candidate) &&
    current?.state === 'running' &&
    current.halt === null &&
    current.call === null
  );
}

/** From now on the project is quiet, unless the activity says otherwise. */
export function watchForQuiet(step: Transition, delayMs = 0, freezeDelayMs = delayMs): void {
  const { activity, sleepy, freezes } = step.draft;
  const isBusy = activity !== null && (activity.inFlight > 0 || activity.held > 0);
  const isQuiet = !isBusy && maySleep(step);
  if (sleepy && (isQuiet || liesFrozen(step))) step.emit({ kind: 'arm', timer: 'idle', delayMs });
  else step.emit({ kind: 'disarm', timer: 'idle' });
  if (!freezes) return;
  if (isQuiet && !step.draft.kept) step.emit({ kind: 'arm', timer: 'freeze', delayMs: freezeDelayMs });
  else step.emit({ kind: 'disarm', timer: 'freeze' });
}

/** An exchange has begun or ended: it has not been quiet for long. */
export function noteUse({ draft }: Transition, { inFlight, held, ends }: KnownActivity): void {
  if (inFlight > 0 || held > 0 || ends !== (draft.activity?.ends ?? ends)) draft.due = false;
}

/** Nobody is routed to it: it can be stopped without a fence. */
export function liesFrozen({ draft, current, candidate }: Transition): boolean {
  const isStill = current?.state === 'frozen' && current.halt === null && current.call === null;
  return isStill && draft.wanted === 'active' && !draft.closing && !isAwaited(candidate) && !draft.wake;
}

/** It is not ready and alone, and the gate is closed already: no fence can be asked for, and none is needed. */
export function liesUnready(step: Transition): boolean {
  const { published, publishing, activity } = step.draft;
  const isShut = published?.targets.length === 0 && publishing === null;
  const isUsed = activity !== null && activity.inFlight > 0;
  return maySleep(step) && step.current?.isReady === false && isShut && !isUsed;
}

/** Nobody is routed there. What may still run on one that was a target a moment ago is waited for. */
export function stopUnfenced(step: Transition): void {
  const { current } = step;
  if (current) current.halt = { reason: 'sleep', drain: current.state === 'frozen' ? 'done' : 'needed' };
  step.record('sleeping', step.draft.current);
}

export function askFence(
  step: Transition,
  by: 'idle' | 'person',
  { into, triesLeft = PERSON_TRIES }: { into: SleepDepth; triesLeft?: number },
): void {
  const ends = step.draft.activity?.ends ?? 0;
  step.draft.sleep = { phase: 'asking', into, ends, by, triesLeft, cancelled: false };
  step.emit({ kind: 'disarm', timer: 'idle' });
  if (step.draft.freezes) step.emit({ kind: 'disarm', timer: 'freeze' });
  step.emit({ kind: 'fence', ends });
}

export function onFenced(step: Transition, token: string): void {
  const { sleep } = step.draft;
  if (sleep?.phase !== 'asking') {
    step.emit({ kind: 'lift', token });
    return;
  }
  if (sleep.cancelled || step.current?.state !== 'running') {
    step.emit({ kind: 'lift', token });
    abandonSleep(step, 'busy');
    return;
  }
  step.draft.sleep = { phase: 'fenced', into: sleep.into, token, by: sleep.by, cancelled: false };
  step.emit({ kind: 'signal', token });
}

export function onFenceRefused(step: Transition, activity: KnownActivity): void {
  const { sleep } = step.draft;
  noteUse(step, activity);
  step.draft.activity = activity;
  if (sleep?.phase !== 'asking') return;
  const isQuiet = activity.inFlight === 0 && activity.held === 0;
  const isStillWanted = sleep.by === 'person' && !sleep.cancelled && sleep.triesLeft > 1;
  step.draft.sleep = null;
  if (isQuiet && isStillWanted && maySleep(step)) {
    askFence(step, 'person', { into: sleep.into, triesLeft: sleep.triesLeft - 1 });
    return;
  }
  abandonSleep(step, 'busy');
}

export function onSignalAccepted(step: Transition, token: string): void {
  const { sleep, linked } = step.draft;
  if (sleep?.phase !== 'fenced' || sleep.token !== token) return;
  const { current } = step;
  if (current?.state !== 'running' || current.halt || sleep.cancelled || !linked) {
    step.emit({ kind: 'lift', token });
    abandonSleep(step, 'busy');
    return;
  }
  step.draft.sleep = { phase: 'signalled', into: sleep.into, token, by: sleep.by };
  if (sleep.into === 'frozen') {
    current.halt = { reason: 'freeze', drain: 'done' };
    for (const entry of step.draft.instances) if (isExtra(step, entry)) retire(step, entry);
    step.emit({ kind: 'disarm', timer: 'stable' });
    return;
  }
  current.halt = { reason: 'sleep', drain: 'done' };
  for (const entry of step.draft.instances) if (isExtra(step, entry)) putToSleep(step, entry);
  step.emit({ kind: 'disarm', timer: 'stable' });
  step.record('sleeping', current.id);
}

/** The fence said that nothing runs there either. One that is not routed yet must not be. */
function putToSleep(step: Transition, entry: WritableEntry): void {
  if (entry.halt) return;
  if (isAwake(entry) && entry.located && entry.call === null) entry.halt = { reason: 'sleep', drain: 'done' };
  else retire(step, entry);
}

function isBeingStopped({ call, state, halt }: WritableEntry): boolean {
  if (halt?.reason === 'freeze') return call === 'freeze';
  return halt?.reason === 'sleep' && (call === 'stop' || state === 'stopping');
}

/** None of those that were to sleep has been told to stop yet. */
function wakeSleepers(step: Transition): void {
  for (const entry of step.draft.instances) {
    const isSleeper = entry.halt?.reason === 'sleep' || entry.halt?.reason === 'freeze';
    if (isSleeper && !isBeingStopped(entry)) entry.halt = null;
  }
}

/** The proxy holds no such fence: it was lifted by a request, or forgotten. */
export function onFenceGone(step: Transition, token: string): void {
  const { sleep } = step.draft;
  if (sleep?.phase !== 'fenced' || sleep.token !== token) return;
  abandonSleep(step, 'busy');
}

/** Whether the proxy heard it is not known; lifting is harmless if it did not. */
export function onSignalFailed(step: Transition, token: string): void {
  const { sleep } = step.draft;
  if (sleep?.phase !== 'fenced' || sleep.token !== token) return;
  step.emit({ kind: 'lift', token });
  abandonSleep(step, 'failed');
}

/** A deploy, a stop or a delete wants no sleep: take it back where that is still possible. */
export function cancelSleep(step: Transition): void {
  const { sleep } = step.draft;
  if (sleep && sleep.phase !== 'signalled') step.draft.sleep = { ...sleep, cancelled: true };
}

/** The signalled sleep cannot go on, and its stop has not begun: the gate opens again. */
export function takeBackSleep(step: Transition): void {
  const { sleep } = step.draft;
  const hasBegun = step.draft.instances.some(isBeingStopped);
  if (sleep?.phase !== 'signalled' || hasBegun) return;
  wakeSleepers(step);
  step.emit({ kind: 'lift', token: sleep.token });
  abandonSleep(step, 'failed');
}

/** The link broke: the proxy lifts a fence that was not signalled, and our snapshot opens one that was. */
export function forgetSleep(step: Transition): void {
  const { sleep } = step.draft;
  if (!sleep) return;
  if (sleep.phase === 'signalled' && step.draft.instances.some(isBeingStopped)) return;
  wakeSleepers(step);
  abandonSleep(step, 'unavailable');
}

export function abandonSleep(step: Transition, result: 'busy' | 'unavailable' | 'failed'): void {
  step.draft.sleep = null;
  if (step.draft.asked.sleep) tellSleep(step, result);
  watchForQuiet(step, REARM_AFTER_MS);
}

export function tellSleep(step: Transition, result: 'done' | 'busy' | 'unavailable' | 'failed'): void {
  step.draft.asked = { ...step.draft.asked, sleep: false };
  step.emit({ kind: 'tell', outcome: { about: 'sleep', result } });
}
