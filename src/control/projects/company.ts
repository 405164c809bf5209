/** What other projects mean to this one: it is kept awake for them, and waits for those it depends on before it starts. */
import type { StartFailure } from '../../domain/project-status.ts';
import type { Dependencies } from '../dependencies/bonds.ts';
import { DEPENDENCY_RETRY_MS } from '../dependencies/limits.ts';
import { isAwaited, isAwake, mayRun, type Transition } from './project-draft.ts';
import type { ProjectInput } from './project-input.ts';
import type { ProjectState } from './project-state.ts';
import { askFence, cancelSleep, maySleep, watchForQuiet } from './sleeping.ts';
import { failWake, isKept, onGivenUp } from './waking.ts';

/** A sleep that is not signalled yet is taken back; after one that is, it is started again. */
export function onKept(step: Transition, { kept, restarts }: Extract<ProjectInput, { kind: 'kept' }>): void {
  const { draft, current } = step;
  if (draft.kept === kept) return;
  draft.kept = kept;
  if (kept) {
    cancelSleep(step);
    const isFree = draft.wanted === 'active' && !draft.closing && !draft.backoff && !draft.conflict;
    if (isFree && current && !isAwake(current)) draft.wake ??= { by: 'keep' };
    watchForQuiet(step);
    return;
  }
  // Nobody waits for it any more; what has begun goes on.
  if (draft.wake?.by === 'keep') draft.wake = null;
  if (restarts) draft.due = false;
  watchForQuiet(step);
  if (draft.due && draft.sleepy && maySleep(step)) askFence(step, 'idle', { into: 'stopped' });
}

export function onDependencies(step: Transition, dependencies: Dependencies): void {
  step.draft.dependencies = dependencies;
}

export function onQuietSaid(step: Transition): void {
  const { draft } = step;
  const isBusy = draft.activity !== null && (draft.activity.inFlight > 0 || draft.activity.held > 0);
  if (draft.kept && !isBusy && maySleep(step)) draft.due = true;
}

/** Takes the wait for dependencies one step on; called after every input, before anything is started. */
export function pursueDependencies(step: Transition): void {
  const { draft, candidate } = step;
  const { dependencies } = draft;
  if (dependencies.kind === 'failed') {
    if (isStuck(step)) failForDependency(step, dependencies.failure);
    if (candidate && isTriable(candidate)) onGivenUp(step, candidate, dependencies.failure);
  }
  const waits = dependencies.kind === 'waiting' && isStuck(step);
  if (waits === draft.waits) return;
  draft.waits = waits;
  step.emit({ kind: waits ? 'arm-dependencies' : 'disarm-dependencies' });
}

/** They were not there within wake_timeout: who waits hears it now, while their wakes go on. */
export function onDependenciesLate(step: Transition, at: number): void {
  const { draft } = step;
  if (!draft.waits || draft.dependencies.kind !== 'waiting') return;
  draft.waits = false;
  const names = draft.dependencies.for.join(', ');
  const message = `what it depends on was not there within wake_timeout: ${names}`;
  const failure: StartFailure = { code: 'dependency_timeout', message, logLines: [], at };
  step.record('wake_failed', draft.current, failure);
  failWake(step, failure, 1);
}

/** Something of it runs, or it is started as soon as others let it. */
export function isUp(state: ProjectState): boolean {
  return state.instances.some(mayRun) || wantsStart(state);
}

/** Up for its own sake: somebody waits for it, used it lately, or it never sleeps. */
export function isUsed(state: ProjectState): boolean {
  if (state.wanted !== 'active' || state.closing || !isUp(state)) return false;
  return state.wake !== null || !state.due || !state.sleepy;
}

export function isStarted(state: ProjectState): boolean {
  const current = currentOf(state);
  return isAwake(current) && current?.located === true && isStaying(state);
}

export function isReady(state: ProjectState): boolean {
  return currentOf(state)?.state === 'running' && isStaying(state);
}

/** Nothing brings it down; a sleep that was cancelled does not come to its signal. */
function isStaying(state: ProjectState): boolean {
  const { sleep } = state;
  const isTakenBack = sleep === null || (sleep.phase !== 'signalled' && sleep.cancelled);
  return state.wanted === 'active' && currentOf(state)?.halt === null && isTakenBack;
}

/** Why those that depend on it need not wait. */
export function failureForDependents(state: ProjectState, stoppedAt: number): StartFailure | null {
  const told = (message: string): StartFailure => ({
    code: 'project_stopped',
    message,
    logLines: [],
    at: stoppedAt,
  });
  if (state.wanted === 'stopped') return told('it is stopped until it is started again');
  if (state.wanted === 'deleted') return told('it is being deleted');
  if (state.conflict) return state.conflict;
  if (state.backoff) return state.backoff;
  return state.dependencies.kind === 'failed' ? state.dependencies.failure : null;
}

function wantsStart(state: ProjectState): boolean {
  if (state.wanted !== 'active' || state.closing || state.dependencies.kind === 'failed') return false;
  const current = currentOf(state);
  const candidate = state.instances.find(({ id }) => id === state.candidate);
  if (candidate && isTriable(candidate)) return true;
  const isStartable = current?.state === 'prepared' || current?.state === 'frozen';
  return isStartable && !state.cooling && (state.wake !== null || isKept({ draft: state, current }));
}

/** Who waits for it waits for its dependencies alone. */
function isStuck({ draft, current, candidate }: Transition): boolean {
  if (!draft.wake || draft.wanted !== 'active' || draft.closing) return false;
  if (isAwaited(candidate) && !current?.isProved) return false;
  const isStartable = current?.state === 'prepared' || current?.state === 'frozen';
  return isStartable && current.call === null && !current.halt;
}

function isTriable({ state, call, halt }: ProjectState['instances'][number]): boolean {
  return state === 'prepared' && call === null && !halt;
}

function failForDependency(step: Transition, failure: StartFailure): void {
  const { draft } = step;
  const isNews = draft.failure?.message !== failure.message || draft.failure.at !== failure.at;
  if (isNews) step.record('wake_failed', draft.current, failure);
  draft.failure = failure;
  draft.wake = null;
  step.emit({ kind: 'fail-wake', failure, retryAfterMs: DEPENDENCY_RETRY_MS });
  step.emit({ kind: 'tell', outcome: { about: 'wake', result: 'failed', failure } });
}

function currentOf(state: ProjectState): ProjectState['instances'][number] | null {
  return state.instances.find(({ id }) => id === state.current) ?? null;
}
