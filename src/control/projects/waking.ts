/** From "somebody wants an answer" to "it answers", and what happens when it does not. */
import type { StartFailure } from '../../domain/project-status.ts';
import { isAwaited, isAwake, mayRun, type Transition, type WritableEntry } from './project-draft.ts';
import { type InstanceEntry, type ProjectState, STRIKES_MAX, type WakeCause } from './project-state.ts';
import { isUnrouted } from './publishing.ts';
import { retire } from './retiring.ts';
import { cancelSleep, watchForQuiet } from './sleeping.ts';

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
/** What a runtime says when its engine does not answer. */
export const RUNTIME_AWAY = 'runtime_unavailable';
const EXITED = 'instance_exited';
const NOT_FOUND = 'instance_not_found';
/** How often what nobody waits for is tried again while the engine is away. */
const AWAY_RETRY_MS = 5_000;
/** A crashed app is started again after at most this: until then requests wait; from then on they hear why. */
const HELD_BACKOFF_MAX_MS = 4_000;
/** Awake for so long, an earlier crash no longer counts. */
const STABLE_AFTER_MS = 10_000;

/** 1 s, 2 s, 4 s … 60 s for the first, second, third … strike in a row. */
export function backoffMs(strikes: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (strikes - 1));
}

export function onWake(step: Transition, by: WakeCause): void {
  const { draft } = step;
  if (draft.wanted !== 'active') {
    tellWake(step, draft.wanted);
    return;
  }
  if (draft.closing) {
    tellWake(step, 'closing');
    return;
  }
  if (draft.conflict) {
    step.emit({
      kind: 'tell',
      outcome: { about: 'wake', result: 'failed', failure: draft.conflict },
    });
    return;
  }
  if (draft.backoff && by !== 'person') {
    if (by !== 'proxy') return;
    step.emit({ kind: 'fail-wake', failure: draft.backoff, retryAfterMs: null });
    return;
  }
  if (by === 'person') endBackoff(step);
  if (by === 'person') cancelSleep(step);
  step.rested();
  draft.due = false;
  draft.wake = { by: draft.wake?.by === 'person' ? 'person' : by };
}

/** Takes a pending wake one step on; called after every input. */
export function pursueWake(step: Transition): void {
  const { draft, current, candidate } = step;
  if (!(draft.wake || isKept(step)) || !current || draft.wanted !== 'active' || draft.closing) return;
  if (current.state === 'running' && !current.halt && !draft.sleep) {
    if (!draft.wake) return;
    draft.wake = null;
    tellWake(step, 'answered');
    return;
  }
  // What has never answered is not started for anybody when its successor is on its way.
  if ((isAwaited(candidate) && !current.isProved) || current.call !== null || current.halt) return;
  if (draft.cooling || draft.resting.engine) return;
  if (current.state === 'failed') step.move(current, 'retry');
  if (draft.dependencies.kind !== 'met') return;
  if (current.state === 'prepared') beginStart(step, current);
  if (current.state === 'frozen' && draft.linked && isUnrouted(draft, current.id)) {
    startNow(step, current, 'thaw');
  }
}

/** One is to be there although nobody waits; after a failure not before its time has come. */
export function isKept({ draft, current }: Pick<Transition, 'current'> & { draft: ProjectState }): boolean {
  const isAway = current?.state === 'failed' && draft.failure?.code === RUNTIME_AWAY;
  return (draft.least > 0 || draft.kept) && draft.linked && !draft.backoff && !draft.cooling && !isAway;
}

/** Prepares whatever waits for it, once. */
export function pursuePrepares(step: Transition): void {
  if (step.draft.closing || step.draft.resting.engine) return;
  for (const entry of step.draft.instances) {
    if (entry.state !== 'preparing' || entry.call !== null || entry.halt) continue;
    entry.call = 'prepare';
    step.emit({ kind: 'prepare', id: entry.id });
  }
}

/**
 * Never more of one revision than may be: a start waits for another's end, unless that only drains. And the proxy must have forgotten
 * an earlier life of the instance, or it would take the new one for ready before it is.
 */
export function beginStart(step: Transition, entry: WritableEntry): void {
  const { draft } = step;
  if (!draft.linked || !isUnrouted(draft, entry.id) || isFull(step, entry)) return;
  if (draft.dependencies.kind !== 'met') return;
  startNow(step, entry);
}

/** As many others of its revision run as may be. */
export function isFull(step: Transition, entry: InstanceEntry): boolean {
  const counts = (other: InstanceEntry): boolean =>
    other.id !== entry.id &&
    other.revision === entry.revision &&
    other.halt?.reason !== 'retire' &&
    other.halt?.reason !== 'surplus' &&
    mayRun(other);
  return step.draft.instances.filter(counts).length >= step.draft.most;
}

export function startNow(step: Transition, entry: WritableEntry, kind: 'start' | 'thaw' = 'start'): void {
  step.move(entry, entry.state === 'frozen' ? 'thaw' : 'start');
  if (entry.id === step.draft.current) step.draft.due = false;
  entry.isReady = true;
  entry.call = 'start';
  step.emit({ kind, id: entry.id });
  step.record('starting', entry.id);
}

export function onStarted(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'start') return;
  const wasServing = entry.located;
  entry.call = null;
  entry.located = true;
  if (wasServing) {
    // It was suspended behind our back while it served: the proxy never lost it, and says nothing new.
    if (entry.state === 'starting' && !entry.halt) settleAnswered(step, entry);
    watchForQuiet(step);
    return;
  }
  // Nobody was ever sent there.
  if (entry.halt) entry.halt = { ...entry.halt, drain: 'done' };
}

export function onStartFailed(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (entry.call !== 'start') return;
  entry.call = null;
  if (entry.state === 'starting') step.move(entry, 'start-failed');
  step.emit({ kind: 'disarm-deadline', id: entry.id });
  const isOver = failure.code === EXITED || failure.code === NOT_FOUND;
  if (isOver) entry.located = false;
  if (entry.halt) {
    // Broken off, or its answer lost, it may run all the same (an earlier server may have started it): it is stopped.
    if (!isOver) entry.located = true;
    entry.halt = { ...entry.halt, drain: 'done' };
    return;
  }
  if (!isOver) entry.halt = { reason: 'failed', drain: 'done' };
  onGivenUp(step, entry, failure);
}

export function onDeadline(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (entry.state !== 'starting' || entry.halt) return;
  step.move(entry, 'start-failed');
  if (entry.call === 'start') step.emit({ kind: 'abort-start', id: entry.id });
  entry.halt = { reason: 'failed', drain: entry.located ? 'needed' : 'done' };
  onGivenUp(step, entry, failure);
}

/** Its store is away: what serves goes on as if it were not there. */
export function onPrepareDelayed(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'prepare') return;
  entry.isDelayed = true;
  watchForQuiet(step);
}

export function onPrepared(step: Transition, entry: WritableEntry): void {
  if (entry.call !== 'prepare') return;
  entry.call = null;
  entry.isDelayed = false;
  if (entry.state !== 'preparing') return;
  step.move(entry, 'prepared');
  if (!entry.halt) step.record('prepared', entry.id);
}

export function onPrepareFailed(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (entry.call !== 'prepare') return;
  entry.call = null;
  entry.isDelayed = false;
  if (entry.state !== 'preparing') return;
  step.move(entry, 'prepare-failed');
  if (!entry.halt) onGivenUp(step, entry, failure);
}

/** It was found ended: during a start that is a failed start, later a crash. */
export function onExited(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (entry.state === 'frozen' && entry.call === null) {
    onFrozenExited(step, entry, failure);
    return;
  }
  if (entry.call !== null || !isAwake(entry)) {
    if (entry.call === null && entry.state === 'failed') entry.located = false;
    return;
  }
  const wasServing = entry.state === 'running';
  step.move(entry, 'exited');
  entry.located = false;
  step.emit({ kind: 'disarm-deadline', id: entry.id });
  if (entry.halt) return;
  if (!wasServing) {
    onGivenUp(step, entry, failure);
    return;
  }
  step.record('crashed', entry.id, failure);
  if (entry.id === step.draft.candidate) {
    onGivenUp(step, entry, failure);
    return;
  }
  if (entry.id !== step.draft.current) {
    onExtraFailed(step, entry, failure);
    return;
  }
  step.move(entry, 'retry');
  strike(step, failure);
}

/** The first crash of the leader is answered with a restart, the next ones make the restart wait. */
export function strike(step: Transition, failure: StartFailure): void {
  const { draft } = step;
  step.emit({ kind: 'disarm', timer: 'stable' });
  const isFirst = draft.strikes === 0;
  draft.strikes = Math.min(STRIKES_MAX, draft.strikes + 1);
  if (!isFirst) coolDown(step, failure, draft.strikes - 1);
}

/** Nobody was using it: the next request starts it anew. */
function onFrozenExited(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  step.move(entry, 'exited');
  step.record('crashed', entry.id, failure);
  if (!entry.halt) step.move(entry, 'retry');
  watchForQuiet(step);
}

/** A start or prepare did not work. */
export function onGivenUp(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  const { draft } = step;
  if (entry.id === draft.candidate) {
    draft.switchFailure = failure;
    // Neither is the revision's fault: it is prepared and tried again.
    if (failure.code === RUNTIME_AWAY || failure.code === NOT_FOUND) {
      step.rest('engine');
      return;
    }
    draft.candidate = null;
    draft.nextLineup = null;
    entry.halt = { reason: 'retire', drain: entry.halt?.drain ?? (entry.located ? 'needed' : 'done') };
    step.record('switch_failed', entry.id, failure);
    watchForQuiet(step);
    return;
  }
  if (entry.id !== draft.current) {
    onExtraFailed(step, entry, failure);
    // What cannot carry the load is not switched to; an engine that was away is no fault of the revision.
    const { candidate } = step;
    const isItsFault = failure.code !== RUNTIME_AWAY;
    if (isItsFault && candidate?.revision === entry.revision) onGivenUp(step, candidate, failure);
    return;
  }
  if (failure.code === RUNTIME_AWAY) {
    awaitRuntime(step, entry, failure);
    return;
  }
  if (isWorthAnother(entry, failure)) {
    startOver(step, entry, failure);
    return;
  }
  if (step.candidate) return;
  draft.strikes = Math.min(STRIKES_MAX, draft.strikes + 1);
  step.record(draft.wake ? 'wake_failed' : 'prepare_failed', entry.id, failure);
  failWake(step, failure, draft.strikes);
}

/** Its start says little of its revision: it has answered before, or somebody took away what was prepared. */
function isWorthAnother(entry: InstanceEntry, { code }: StartFailure): boolean {
  return code === NOT_FOUND || (code === EXITED && entry.isProved);
}

/** As after a crash: who waits goes on waiting while it is tried again, until it has failed too often. */
function startOver(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  // That it was missing the first time is mended before anybody could do something about it.
  if (failure.code === EXITED) step.record('crashed', entry.id, failure);
  else if (step.draft.strikes > 0) step.record('wake_failed', entry.id, failure);
  step.move(entry, 'retry');
  strike(step, failure);
}

/** It could not be started, or ended by itself; the others go on. */
export function onExtraFailed(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  replaceExtra(step, entry);
  step.record('scale_failed', entry.id, failure);
}

/** It goes for good; after the back-off another is made if the load still asks for it. */
export function replaceExtra(step: Transition, entry: WritableEntry): void {
  const { draft } = step;
  draft.scaleStrikes = Math.min(STRIKES_MAX, draft.scaleStrikes + 1);
  draft.scaleRests = true;
  step.emit({ kind: 'arm', timer: 'scaling', delayMs: backoffMs(draft.scaleStrikes) });
  step.emit({ kind: 'disarm', timer: 'stable' });
  if (entry.halt) entry.halt = { ...entry.halt, reason: 'retire' };
  else retire(step, entry);
}

/** An app that crashes again and again: at first whoever comes waits for the restart, later nobody is kept waiting for it. */
function coolDown(step: Transition, failure: StartFailure, strikes: number): void {
  const delayMs = backoffMs(strikes);
  if (delayMs > HELD_BACKOFF_MAX_MS) {
    failWake(step, failure, strikes);
    return;
  }
  step.draft.cooling = true;
  step.emit({ kind: 'arm', timer: 'backoff', delayMs });
}

/**
 * An engine that restarts or hangs is no fault of the app: who is held goes on waiting until its own time is up, and the start
 * is tried again. A person who asked hears of it at once.
 */
export function awaitRuntime(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  const { draft } = step;
  if (draft.failure?.code !== failure.code) {
    step.record(draft.wake ? 'wake_failed' : 'prepare_failed', entry.id, failure);
  }
  draft.failure = failure;
  if (draft.wake) step.rest('engine');
  else step.emit({ kind: 'arm', timer: 'backoff', delayMs: AWAY_RETRY_MS });
  if (draft.wake?.by !== 'person') return;
  step.emit({ kind: 'tell', outcome: { about: 'wake', result: 'failed', failure } });
  const isHeld = draft.activity !== null && draft.activity.held > 0;
  draft.wake = isHeld ? { ...draft.wake, by: 'proxy' } : null;
}

/** All who wait hear why; until the back-off has passed, whoever comes hears the same. */
export function failWake(step: Transition, failure: StartFailure, strikes: number): void {
  const { draft } = step;
  const retryAfterMs = backoffMs(strikes);
  draft.failure = failure;
  draft.backoff = failure;
  step.emit({ kind: 'arm', timer: 'backoff', delayMs: retryAfterMs });
  if (!draft.wake) return;
  draft.wake = null;
  step.emit({ kind: 'fail-wake', failure, retryAfterMs });
  step.emit({ kind: 'tell', outcome: { about: 'wake', result: 'failed', failure } });
}

/** The proxy reached it: it serves. */
export function settleAnswered(step: Transition, entry: WritableEntry): void {
  step.move(entry, 'answered');
  entry.isProved = true;
  step.emit({ kind: 'disarm-deadline', id: entry.id });
  step.draft.failure = null;
  endBackoff(step);
  if (step.draft.wake) {
    step.draft.wake = null;
    tellWake(step, 'answered');
  }
  step.emit({ kind: 'arm', timer: 'stable', delayMs: STABLE_AFTER_MS });
}

export function endBackoff(step: Transition): void {
  if (!step.draft.backoff && !step.draft.cooling) return;
  step.draft.backoff = null;
  step.draft.cooling = false;
  step.emit({ kind: 'disarm', timer: 'backoff' });
}

export function tellWake(
  step: Transition,
  result: 'answered' | 'stopped' | 'deleted' | 'closing' | 'active',
): void {
  if (result !== 'active') step.emit({ kind: 'tell', outcome: { about: 'wake', result } });
}
