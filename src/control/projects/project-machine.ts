/**
 * The life of one project: a pure function from a state and an input to the next state and the effects to run.
 * Each input first changes what it is about; then everything that is under way is taken one step further.
 * An input that does not fit the state (a late answer, a repeated report) changes nothing.
 */
import {
  onDeleteAsked,
  onRoutesChanged,
  onShutdown,
  onSleepAsked,
  onStartAsked,
  onStopAsked,
} from './asking.ts';
import { onDependencies, onDependenciesLate, onKept, onQuietSaid, pursueDependencies } from './company.ts';
import { onRevised, pursueDeploy } from './deploying.ts';
import { onScaled, pursueExtras, pursueLead } from './extras.ts';
import { onFound } from './finding.ts';
import {
  onDrained,
  onFreezeFailed,
  onFrozen,
  onIntentFailed,
  onIntentStored,
  onRemoved,
  onRemoveFailed,
  onStopFailed,
  onStopped,
  pursueHalts,
} from './halting.ts';
import { onReady, onUnhealthy, onUnready } from './judging.ts';
import { onActivity, onAnswered, onLinked, onUnlinked } from './linking.ts';
import { isAwake, mayRun, Transition } from './project-draft.ts';
import type { ProjectEffect } from './project-effect.ts';
import type { ProjectInput, ProjectTimer } from './project-input.ts';
import type { ProjectState } from './project-state.ts';
import { onPublished, onPublishFailed, pursuePublication } from './publishing.ts';
import {
  abandonSleep,
  askFence,
  liesFrozen,
  liesUnready,
  maySleep,
  onFenced,
  onFenceGone,
  onFenceRefused,
  onSignalAccepted,
  onSignalFailed,
  stopUnfenced,
  tellSleep,
  watchForQuiet,
} from './sleeping.ts';
import {
  onDeadline,
  onExited,
  onPrepareDelayed,
  onPrepared,
  onPrepareFailed,
  onStarted,
  onStartFailed,
  onWake,
  pursuePrepares,
  pursueWake,
  RUNTIME_AWAY,
} from './waking.ts';

export interface ProjectStep {
  readonly state: ProjectState;
  readonly effects: readonly ProjectEffect[];
}

export function next(state: ProjectState, input: ProjectInput): ProjectStep {
  const step = new Transition(state);
  take(step, input);
  pursueLead(step);
  pursueHalts(step);
  pursueDeploy(step);
  pursueDependencies(step);
  pursueWake(step);
  pursueExtras(step);
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
    case 'kept':
      onKept(step, input);
      return;
    case 'dependencies':
      onDependencies(step, input.dependencies);
      return;
    case 'dependencies-late':
      onDependenciesLate(step, input.at);
      return;
    case 'quiet-said':
      onQuietSaid(step);
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
      onRoutesChanged(step, input);
      return;
    case 'scaled':
      onScaled(step, input.count);
      return;
    case 'revised':
      onRevised(step, input);
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
    case 'prepare-delayed':
      onPrepareDelayed(step, entry);
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
      onStarted(step, entry);
      return;
    case 'start-failed':
      onStartFailed(step, entry, input.failure);
      return;
    case 'frozen':
      onFrozen(step, entry);
      return;
    case 'freeze-failed':
      onFreezeFailed(step, entry);
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
    case 'unready':
      onUnready(step, entry, input.failure);
      return;
    case 'ready':
      onReady(step, entry);
      return;
    case 'unhealthy':
      onUnhealthy(step, entry, input.failure);
      return;
    case 'exited':
      onExited(step, entry, input.failure);
      return;
    case 'found':
      onFound(step, entry, input.as);
      return;
  }
}

function onTimer(step: Transition, timer: ProjectTimer): void {
  const { draft, current } = step;
  switch (timer) {
    case 'idle': {
      const isQuiet = !draft.activity || (draft.activity.inFlight === 0 && draft.activity.held === 0);
      if (draft.kept) draft.due = isQuiet && maySleep(step);
      else if (draft.sleepy && (liesFrozen(step) || (isQuiet && liesUnready(step)))) stopUnfenced(step);
      else if (draft.sleepy && isQuiet && maySleep(step)) askFence(step, 'idle', { into: 'stopped' });
      return;
    }
    case 'freeze': {
      const isQuiet = !draft.activity || (draft.activity.inFlight === 0 && draft.activity.held === 0);
      if (draft.freezes && !draft.kept && isQuiet && maySleep(step) && current?.isReady)
        askFence(step, 'idle', { into: 'frozen' });
      return;
    }
    case 'backoff':
      draft.backoff = null;
      draft.cooling = false;
      // The others wait for a request; an engine that was away is tried again by itself.
      if (draft.failure?.code === RUNTIME_AWAY && current?.state === 'failed') {
        if (current.call === null && !current.halt) step.move(current, 'retry');
      }
      if (draft.activity && draft.activity.held > 0 && !isAwake(current)) onWake(step, 'proxy');
      return;
    case 'stable':
      if (current?.state === 'running') draft.strikes = 0;
      draft.scaleStrikes = 0;
      return;
    case 'scaling':
      draft.scaleRests = false;
      return;
    case 'retry':
      draft.resting = { store: false, link: false, engine: false };
      return;
  }
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
