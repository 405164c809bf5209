/** The link to the proxy comes and goes, and what the proxy reports over it. */
import { onDrained } from './halting.ts';
import { isAwake, type Transition, type WritableEntry } from './project-draft.ts';
import type { ProjectInput } from './project-input.ts';
import type { KnownActivity } from './project-state.ts';
import { forgetSleep, noteUse, watchForQuiet } from './sleeping.ts';
import { onWake, settleAnswered } from './waking.ts';

export function onLinked(step: Transition, input: Extract<ProjectInput, { kind: 'linked' }>): void {
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
    if (entry.id === draft.current) draft.wake ??= { by: 'proxy' };
  }
  watchForQuiet(step);
}

export function onUnlinked(step: Transition): void {
  const { draft } = step;
  draft.linked = false;
  draft.published = null;
  draft.publishing = null;
  for (const entry of draft.instances) {
    onDrained(entry, false);
    doubtDrain(entry);
  }
  forgetSleep(step);
  watchForQuiet(step);
}

/** That nothing ran there was the word of a proxy that may have forgotten it; who sleeps has his own way back. */
function doubtDrain(entry: WritableEntry): void {
  const isStill = isAwake(entry) && entry.located && entry.call === null;
  if (isStill && entry.halt && entry.halt.reason !== 'sleep') entry.halt = { ...entry.halt, drain: 'needed' };
}

export function onActivity(step: Transition, activity: KnownActivity): void {
  noteUse(step, activity);
  step.draft.activity = activity;
  // A wake may have been lost on a broken link; who is held needs one.
  if (activity.held > 0 && !isAwake(step.current) && !step.draft.wake) onWake(step, 'proxy');
  watchForQuiet(step);
}

export function onAnswered(step: Transition, entry: WritableEntry): void {
  if (entry.state !== 'starting' || entry.halt || !entry.located) return;
  const isWake = step.draft.wake !== null;
  settleAnswered(step, entry);
  if (isWake && entry.id !== step.draft.candidate) step.record('woken', entry.id);
  watchForQuiet(step);
}
