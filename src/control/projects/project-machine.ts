/**
 * The life of one project: a pure function from a state and an input to the next state and the effects to run.
 * Each input first changes what it is about; then everything that is under way is taken one step further.
 * An input that does not fit the state (a late answer, a repeated report) changes nothing.
 */
import { onRevised, promote, pursueDeploy } from './deploying.ts';
import {
  haltForStop,
  onDrained,
  onIntentFailed,
  onIntentStored,
  onRemoved,
  onRemoveFailed,
  onStopFailed,
  onStopped,
  pursueHalts,
  retire,
} from './halting.ts';
import { isAwake, mayRun, Transition, type WritableEntry } from './project-draft.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput, ProjectTimer } from './project-input.ts';
import type { KnownActivity, ProjectState } from './project-state.ts';
import { onPublished, onPublishFailed, pursuePublication } from './publishing.ts';
import {
  abandonSleep,
  askFence,
  cancelSleep,
  forgetSleep,
  maySleep,
  onFenced,
  onFenceGone,
  onFenceRefused,
  onSignalAccepted,
  onSignalFailed,
  tellSleep,
  watchForQuiet,
} from './sleeping.ts';
import {
  endBackoff,
  hasTwin,
  onDeadline,
  onExited,
  onPrepared,
  onPrepareFailed,
  onStarted,
  onStartFailed,
  onWake,
  pursuePrepares,
  pursueWake,
  settleAnswered,
  startNow,
  tellWake,
} from './waking.ts';

export interface ProjectStep {
  readonly state: ProjectState;
  readonly effects: readonly ProjectEffect[];
}

export function next(state: ProjectState, input: ProjectInput): ProjectStep {
  const step = new Transition(state);
  take(step, input);
  pursueHalts(step);
  pursueDeploy(step);
  pursueWake(step);
  pursuePrepares(step);
  pursuePublication(step);
  // What became unrouted or replaced just now may go on at once.
  pursueHalts(step);
  tellWhoWaits(step);
  return { state: step.draft, effects: step.effects };
}

function take(step: Transition, input: ProjectInput): void {
  if ('id' in input) {
    takeOfInstance(step, input);
    return;
  }
  switch (input.kind) {
    case 'begin':
      watchForQuiet(step);
      return;
    case 'wake':
      onWake(step, input.by);
      return;
    case 'sleep-asked':
      onSleepAsked(step);
      return;
    case 'stop-asked':
      onStopAsked(step);
      return;
    case 'start-asked':
      onStartAsked(step);
      return;
    case 'delete-asked':
      onDeleteAsked(step);
      return;
    case 'shutdown':
      onShutdown(step);
      return;
    case 'routes-changed':
      onRoutesChanged(step, input.sleepy);
      return;
    case 'revised':
      onRevised(step, input.revision, input.instanceId);
      return;
    case 'timer':
      onTimer(step, input.timer);
      return;
    case 'linked':
      onLinked(step, input);
      return;
    case 'unlinked':
      onUnlinked(step);
      return;
    case 'activity':
      onActivity(step, input.activity);
      return;
    case 'fenced':
      onFenced(step, input.token);
      return;
    case 'fence-refused':
      onFenceRefused(step, input.activity);
      return;
    case 'fence-failed':
      if (step.draft.sleep?.phase === 'asking') abandonSleep(step, 'unavailable');
      return;
    case 'lifted':
    case 'signal-stale':
      onFenceGone(step, input.token);
      return;
    case 'signal-accepted':
      onSignalAccepted(step, input.token);
      return;
    case 'signal-failed':
      onSignalFailed(step, input.token);
      return;
    case 'published':
      onPublished(step, input.publication);
      return;
    case 'publish-failed':
      onPublishFailed(step, input.conflict);
      return;
  }
}

function takeOfInstance(step: Transition, input: Extract<ProjectInput, { id: string }>): void {
  const entry = step.entry(input.id);
  if (!entry) return;
  switch (input.kind) {
    case 'deadline':
      onDeadline(step, entry, input.failure);
      return;
    case 'answered':
      onAnswered(step, entry);
      return;
    case 'drained':
      onDrained(entry, true);
      return;
    case 'drain-failed':
      onDrained(entry, false);
      return;
    case 'intent-stored':
      onIntentStored(entry, input.intent);
      return;
    case 'intent-failed':
      onIntentFailed(step, entry);
      return;
    case 'prepared':
      onPrepared(step, entry);
      return;
    case 'prepare-failed':
      onPrepareFailed(step, entry, input.failure);
      return;
    case 'start-begun':
      if (entry.call === 'start' && !entry.halt) step.emit({ kind: 'arm-deadline', id: entry.id });
      return;
    case 'started':
      onStarted(entry);
      return;
    case 'start-failed':
      onStartFailed(step, entry, input.failure);
      return;
    case 'stopped':
      onStopped(step, entry);
      return;
    case 'stop-failed':
      onStopFailed(step, entry, input.failure);
      return;
    case 'removed':
      onRemoved(step, entry.id);
      return;
    case 'remove-failed':
      onRemoveFailed(step, entry);
      return;
    case 'exited':
      onExited(step, entry, input.failure);
      return;
    case 'found':
      onFound(step, entry, input.as);
      return;
  }
}

function onSleepAsked(step: Transition): void {
  const { draft, current } = step;
  draft.asked = { ...draft.asked, sleep: true };
  // Asleep, on its way there, or nothing to put to sleep: the last line of `next` tells.
  if (draft.wanted !== 'active' || draft.sleep || !isAwake(current) || current?.halt) return;
  if (!draft.linked) {
    tellSleep(step, 'unavailable');
    return;
  }
  if (maySleep(step)) {
    askFence(step, 'person');
    return;
  }
  tellSleep(step, 'busy');
}

function onStopAsked(step: Transition): void {
  const { draft } = step;
  if (draft.wanted === 'deleted') return;
  draft.wanted = 'stopped';
  draft.asked = { ...draft.asked, stop: true };
  dropWake(step, 'stopped');
  cancelSleep(step);
  endBackoff(step);
  for (const entry of draft.instances) haltForStop(step, entry);
  watchForQuiet(step);
}

function onStartAsked(step: Transition): void {
  const { draft } = step;
  if (draft.wanted !== 'stopped') return;
  draft.wanted = 'active';
  draft.failure = null;
  draft.strikes = 0;
  step.rested();
  step.record('started', draft.current);
  const { current } = step;
  if (current?.state === 'failed' && current.call === null && !current.halt) step.move(current, 'retry');
  for (const entry of draft.instances) {
    const isUndoable = entry.halt?.reason === 'stop' && entry.intent === 'live' && entry.storing === null;
    if (isUndoable && entry.state === 'running' && entry.call === null) entry.halt = null;
  }
  watchForQuiet(step);
}

function onDeleteAsked(step: Transition): void {
  const { draft } = step;
  draft.wanted = 'deleted';
  draft.candidate = null;
  dropWake(step, 'deleted');
  cancelSleep(step);
  endBackoff(step);
  step.rested();
  for (const entry of draft.instances) retire(step, entry);
  watchForQuiet(step);
}

function onShutdown(step: Transition): void {
  const { draft } = step;
  draft.closing = true;
  dropWake(step, 'closing');
  cancelSleep(step);
  endBackoff(step);
  for (const entry of draft.instances) {
    if (entry.call === 'prepare') step.emit({ kind: 'abort-prepare', id: entry.id });
    haltForStop(step, entry);
  }
  watchForQuiet(step);
}

function dropWake(step: Transition, why: 'stopped' | 'deleted' | 'closing'): void {
  if (!step.draft.wake) return;
  step.draft.wake = null;
  tellWake(step, why);
}

function onRoutesChanged(step: Transition, sleepy: boolean): void {
  const { draft } = step;
  if (draft.wanted === 'deleted') return;
  draft.sleepy = sleepy;
  draft.routes += 1;
  if (!sleepy) cancelSleep(step);
  if (draft.conflict) step.rested();
  watchForQuiet(step);
}

function onTimer(step: Transition, timer: ProjectTimer): void {
  const { draft, current } = step;
  switch (timer) {
    case 'idle': {
      const isQuiet = !draft.activity || (draft.activity.inFlight === 0 && draft.activity.held === 0);
      if (draft.sleepy && isQuiet && maySleep(step)) askFence(step, 'idle');
      return;
    }
    case 'backoff':
      draft.backoff = null;
      // The others wait for a request; an engine that was away is tried again by itself.
      if (draft.failure?.code === 'runtime_unavailable' && current?.state === 'failed') {
        if (current.call === null && !current.halt) step.move(current, 'retry');
      }
      if (draft.activity && draft.activity.held > 0 && !isAwake(current)) onWake(step, 'proxy');
      return;
    case 'stable':
      if (current?.state === 'running') draft.strikes = 0;
      return;
    case 'retry':
      draft.resting = { store: false, link: false, engine: false };
      return;
  }
}

function onLinked(step: Transition, input: Extract<ProjectInput, { kind: 'linked' }>): void {
  const { draft } = step;
  draft.linked = true;
  draft.published = input.published;
  draft.publishing = null;
  draft.conflict = input.conflict;
  draft.activity = input.activity;
  step.rested();
  if (input.conflict) step.rest('link');
  for (const id of input.answered) {
    const entry = step.entry(id);
    if (entry) onAnswered(step, entry);
  }
  // Found running, but the proxy has not reached it yet: as if it had just been started.
  for (const entry of draft.instances) {
    if (entry.state !== 'starting' || entry.call !== null || entry.halt) continue;
    step.emit({ kind: 'arm-deadline', id: entry.id });
    if (entry.id === draft.current) draft.wake ??= { by: 'proxy', repaired: false };
  }
  watchForQuiet(step);
}

function onUnlinked(step: Transition): void {
  const { draft } = step;
  draft.linked = false;
  draft.published = null;
  draft.publishing = null;
  for (const entry of draft.instances) onDrained(entry, false);
  forgetSleep(step);
  watchForQuiet(step);
}

function onActivity(step: Transition, activity: KnownActivity): void {
  step.draft.activity = activity;
  // A wake may have been lost on a broken link; who is held needs one.
  if (activity.held > 0 && !isAwake(step.current) && !step.draft.wake) onWake(step, 'proxy');
  watchForQuiet(step);
}

function onAnswered(step: Transition, entry: WritableEntry): void {
  if (entry.state !== 'starting' || entry.halt || !entry.located) return;
  const isCandidate = entry.id === step.draft.candidate;
  if (!isCandidate && entry.id !== step.draft.current) return;
  const isWake = step.draft.wake !== null;
  settleAnswered(step, entry);
  if (isCandidate) promote(step);
  else if (isWake) step.record('woken', entry.id);
  watchForQuiet(step);
}

/** The runtime was listed: something may have been done behind our back, or a reply was lost. */
function onFound(
  step: Transition,
  entry: WritableEntry,
  as: 'prepared' | 'running' | 'frozen' | 'absent',
): void {
  if (entry.call !== null || entry.halt) return;
  if (as === 'absent' && entry.state === 'prepared') step.move(entry, 'retry');
  if (as !== 'running' && as !== 'frozen') return;
  if (entry.state === 'prepared' || entry.state === 'failed') adopt(step, entry, as);
  else if (entry.state === 'running' && as === 'frozen') thaw(step, entry);
}

/** It runs and we did not know: as good as a start, of which only the address is missing. */
function adopt(step: Transition, entry: WritableEntry, as: 'running' | 'frozen'): void {
  if (hasTwin(step, entry)) {
    if (entry.state === 'prepared') step.move(entry, 'prepare-failed');
    entry.halt = { reason: 'failed', drain: 'done' };
    return;
  }
  startNow(step, entry, as === 'frozen' ? 'thaw' : 'start');
  if (step.draft.wanted !== 'active' || step.draft.closing) haltForStop(step, entry);
  else step.draft.wake ??= { by: 'proxy', repaired: false };
}

function thaw(step: Transition, entry: WritableEntry): void {
  step.move(entry, 'freeze');
  step.move(entry, 'thaw');
  entry.call = 'start';
  step.emit({ kind: 'thaw', id: entry.id });
}

/** The end of what somebody asked for. */
function tellWhoWaits(step: Transition): void {
  const { draft, current } = step;
  const runs = draft.instances.some(mayRun);
  const isUp = isAwake(current) && !current?.halt;
  if (draft.asked.sleep && !draft.sleep && isUp) tellSleep(step, 'busy');
  if (draft.asked.sleep && !draft.sleep && (!current || !mayRun(current))) tellSleep(step, 'done');
  if (draft.asked.stop && (draft.wanted !== 'stopped' || !runs)) {
    draft.asked = { ...draft.asked, stop: false };
    step.emit({ kind: 'tell', outcome: { about: 'stop', result: 'done' } });
  }
  if (draft.closing && !runs && draft.instances.every((entry) => entry.call === null)) {
    step.emit({ kind: 'tell', outcome: { about: 'shutdown', result: 'done' } });
  }
  const isGone = draft.published?.traffic === 'none' || draft.conflict !== null;
  if (draft.wanted === 'deleted' && draft.instances.length === 0 && isGone) {
    step.emit({ kind: 'tell', outcome: { about: 'delete', result: 'done' } });
  }
}
