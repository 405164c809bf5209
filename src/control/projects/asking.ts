/** What people ask: sleep, stop, start, delete, other routes; and the end of the platform. */

import { isAwake, type Transition } from './project-draft.ts';
import type { ProjectInput } from './project-input.ts';
import { haltForStop, retire } from './retiring.ts';
import {
  askFence,
  cancelSleep,
  liesFrozen,
  liesUnready,
  maySleep,
  stopUnfenced,
  tellSleep,
  watchForQuiet,
} from './sleeping.ts';
import { endBackoff, tellWake } from './waking.ts';

export function onSleepAsked(step: Transition): void {
  const { draft, current } = step;
  draft.asked = { ...draft.asked, sleep: true };
  // Asleep, on its way there, or nothing to put to sleep: the last line of `next` tells.
  if (liesFrozen(step) || (liesUnready(step) && (draft.activity?.held ?? 0) === 0)) {
    stopUnfenced(step);
    return;
  }
  const { sleep } = draft;
  if (sleep && sleep.phase !== 'signalled') draft.sleep = { ...sleep, into: 'stopped', by: 'person' };
  if (draft.wanted !== 'active' || draft.sleep || !isAwake(current) || current?.halt) return;
  if (!draft.linked) {
    tellSleep(step, 'unavailable');
    return;
  }
  if (maySleep(step)) {
    askFence(step, 'person', { into: 'stopped' });
    return;
  }
  tellSleep(step, 'busy');
}

export function onStopAsked(step: Transition): void {
  const { draft } = step;
  if (draft.wanted === 'deleted') return;
  const isNew = draft.wanted === 'active';
  draft.wanted = 'stopped';
  draft.asked = { ...draft.asked, stop: true };
  dropWake(step, 'stopped');
  cancelSleep(step);
  endBackoff(step);
  for (const entry of draft.instances) haltForStop(step, entry);
  // An instance that runs says so when it has ended.
  if (isNew && !draft.instances.some((entry) => entry.halt?.reason === 'stop')) {
    step.record('stopped', null);
  }
  watchForQuiet(step);
}

export function onStartAsked(step: Transition): void {
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

export function onDeleteAsked(step: Transition): void {
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

export function onShutdown(step: Transition): void {
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

export function onRoutesChanged(
  step: Transition,
  { sleepy, freezes, least, most }: Extract<ProjectInput, { kind: 'routes-changed' }>,
): void {
  const { draft } = step;
  if (draft.wanted === 'deleted') return;
  draft.sleepy = sleepy;
  if (draft.freezes && !freezes) step.emit({ kind: 'disarm', timer: 'freeze' });
  draft.freezes = freezes;
  draft.least = least;
  draft.most = most;
  draft.count = Math.min(draft.count, Math.max(1, most));
  draft.routes += 1;
  if (!sleepy) cancelSleep(step);
  if (draft.conflict) step.rested();
  watchForQuiet(step);
}
