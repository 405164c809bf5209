/** Bringing instances down: no new exchanges, the old ones drained, the intention stored, then the engine. */
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceIntent } from '../../store/contract.ts';
import { mayRun, type Transition, type WritableEntry } from './project-draft.ts';
import type { Halt } from './project-state.ts';
import { isUnrouted } from './publishing.ts';
import { liesFrozen, stopUnfenced, takeBackSleep, watchForQuiet } from './sleeping.ts';
import { awaitRuntime, failWake, RUNTIME_AWAY } from './waking.ts';

/** An engine that cannot suspend it is not asked all the time. */
const FREEZE_AGAIN_AFTER_MS = 10_000;

/** Takes every instance that is to go one step further down; called after every input. */
export function pursueHalts(step: Transition): void {
  const isFallingAsleep = step.draft.sleep?.phase === 'signalled';
  const isSleeper = ({ halt }: WritableEntry): boolean =>
    halt?.reason === 'sleep' || halt?.reason === 'freeze';
  if (isFallingAsleep && !step.draft.instances.some(isSleeper)) {
    // Whoever was to be stopped has ended by itself.
    step.draft.sleep = null;
  }
  for (const entry of step.draft.instances) {
    if (!entry.halt) {
      // A wake does not wait for the store: it is written when it has been answered.
      const isWaking = step.draft.wake !== null && entry.id === step.draft.current;
      if (entry.intent !== 'live' && !isWaking) storeIntent(step, entry, 'live');
    } else if (entry.call === null) {
      if (mayRun(entry)) bringDown(step, entry, entry.halt);
      else finish(step, entry, entry.halt);
    }
  }
}

function bringDown(step: Transition, entry: WritableEntry, why: Halt): void {
  const { draft } = step;
  const intent = isForGood(why) ? 'removing' : 'stopping';
  // A sleep is fenced and signalled: nothing runs there, so the intention comes first.
  if (why.reason === 'sleep' && entry.intent !== intent) {
    storeIntent(step, entry, intent);
    return;
  }
  if (entry.located && !isUnrouted(draft, entry.id)) return;
  if (why.reason === 'freeze') {
    if (draft.resting.engine) return;
    entry.call = 'freeze';
    step.emit({ kind: 'freeze', id: entry.id });
    return;
  }
  if (why.drain !== 'done' && entry.located && (draft.linked || !draft.closing)) {
    askDrain(step, entry, why);
    return;
  }
  if (entry.intent !== intent) {
    storeIntent(step, entry, intent);
    return;
  }
  if (draft.resting.engine || entry.storing !== null) return;
  if (entry.state !== 'stopping') step.move(entry, 'stop');
  entry.call = 'stop';
  step.emit({ kind: 'stop', id: entry.id });
}

function isForGood({ reason }: Halt): boolean {
  return reason === 'retire' || reason === 'surplus';
}

function askDrain(step: Transition, entry: WritableEntry, why: Halt): void {
  if (why.drain === 'asked' || !step.draft.linked || step.draft.resting.link) return;
  entry.halt = { ...why, drain: 'asked' };
  step.emit({ kind: 'drain', id: entry.id, isPatient: why.reason === 'surplus' });
}

/** It does not run (any more). */
function finish(step: Transition, entry: WritableEntry, why: Halt): void {
  if (!isForGood(why)) {
    entry.halt = null;
    return;
  }
  if (entry.intent !== 'removing') {
    storeIntent(step, entry, 'removing');
    return;
  }
  if (step.draft.resting.engine || entry.storing !== null) return;
  entry.call = 'remove';
  step.emit({ kind: 'remove', id: entry.id });
}

function storeIntent(step: Transition, entry: WritableEntry, intent: InstanceIntent): void {
  if (entry.storing !== null || step.draft.resting.store) return;
  entry.storing = intent;
  step.emit({ kind: 'store-intent', id: entry.id, intent });
}

export function onIntentStored(entry: WritableEntry, intent: InstanceIntent): void {
  if (entry.storing !== intent) return;
  entry.intent = intent;
  entry.storing = null;
}

export function onIntentFailed(step: Transition, entry: WritableEntry): void {
  if (entry.storing === null) return;
  entry.storing = null;
  step.rest('store');
  if (entry.halt?.reason === 'sleep') takeBackSleep(step);
}

export function onDrained(entry: WritableEntry, isDone: boolean): void {
  if (entry.halt?.drain === 'asked') entry.halt = { ...entry.halt, drain: isDone ? 'done' : 'needed' };
}

/** It keeps its memory and its address; requests are held until it is resumed. */
export function onFrozen(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'freeze') return;
  entry.call = null;
  entry.located = false;
  step.move(entry, 'freeze');
  if (entry.halt?.reason !== 'freeze') return;
  entry.halt = null;
  step.draft.sleep = null;
  step.draft.strikes = 0;
  step.record('frozen', entry.id);
  if (step.draft.asked.sleep && liesFrozen(step)) stopUnfenced(step);
  watchForQuiet(step);
}

/** It goes on as a target; the runtime is asked whether it really runs. */
export function onFreezeFailed(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'freeze') return;
  entry.call = null;
  if (entry.halt?.reason !== 'freeze') return;
  entry.halt = null;
  step.draft.sleep = null;
  watchForQuiet(step, 0, FREEZE_AGAIN_AFTER_MS);
}

export function onStopped(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'stop') return;
  const reason = entry.halt?.reason;
  entry.call = null;
  entry.located = false;
  step.move(entry, 'exited');
  const isLast = !step.draft.instances.some((other) => other !== entry && other.halt?.reason === 'sleep');
  if (reason === 'sleep' && isLast) {
    step.draft.sleep = null;
    step.draft.strikes = 0;
    step.record('slept', entry.id);
  }
  if (reason === 'stop' && step.draft.wanted === 'stopped') step.record('stopped', entry.id);
}

/** Whether it ended is not known: the stop is repeated; nobody waits for that. */
export function onStopFailed(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (entry.call !== 'stop') return;
  entry.call = null;
  step.rest('engine');
  if (!step.draft.wake || entry.id !== step.draft.current) return;
  if (failure.code === RUNTIME_AWAY) {
    awaitRuntime(step, entry, failure);
    return;
  }
  step.record('wake_failed', entry.id, failure);
  failWake(step, failure, 1);
}

export function onRemoved(step: Transition, id: string): void {
  const entry = step.entry(id);
  if (entry?.call !== 'remove') return;
  step.draft.instances = step.draft.instances.filter((other) => other.id !== id);
}

export function onRemoveFailed(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'remove') return;
  entry.call = null;
  step.rest('engine');
}
