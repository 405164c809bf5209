/** What probes say of an instance that serves: it gets no exchanges for a while, or it must not go on. */
import type { StartFailure } from '../../domain/project-status.ts';
import { successorOf } from './extras.ts';
import type { Transition, WritableEntry } from './project-draft.ts';
import { cancelSleep, watchForQuiet } from './sleeping.ts';
import { onGivenUp, replaceExtra, strike } from './waking.ts';

/** What runs on it goes on; new exchanges go to the others, or are held. */
export function onUnready(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (!isServing(entry) || !entry.isReady) return;
  entry.isReady = false;
  step.record('not_ready', entry.id, failure);
  watchForQuiet(step);
}

export function onReady(step: Transition, entry: WritableEntry): void {
  if (entry.state !== 'running' || entry.isReady) return;
  entry.isReady = true;
  if (!entry.halt) step.record('ready_again', entry.id);
  watchForQuiet(step);
}

/**
 * It is replaced. Where another of its revision serves, it drains first; alone it is stopped at once: who hangs answers
 * nobody, and whoever comes is held for the next one.
 */
export function onUnhealthy(step: Transition, entry: WritableEntry, failure: StartFailure): void {
  if (!isServing(entry)) return;
  const { draft } = step;
  cancelSleep(step);
  step.record('unhealthy', entry.id, failure);
  if (entry.id === draft.candidate) {
    onGivenUp(step, entry, failure);
    return;
  }
  const successor = entry.id === draft.current ? successorOf(step, entry) : undefined;
  if (successor) draft.current = successor.id;
  if (entry.id !== draft.current) {
    replaceExtra(step, entry);
    return;
  }
  entry.halt = { reason: 'failed', drain: 'done' };
  strike(step, failure);
  watchForQuiet(step);
}

function isServing({ state, halt, call }: WritableEntry): boolean {
  return state === 'running' && halt === null && call === null;
}
