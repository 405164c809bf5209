/** The word that an instance is to go: why, and what of its exchanges. `halting.ts` carries it out. */
import { isAwake, type Transition, type WritableEntry } from './project-draft.ts';
import type { Halt } from './project-state.ts';

/** A person's stop and the shutdown: what lies stopped already stays as it is. */
export function haltForStop(step: Transition, entry: WritableEntry): void {
  if (entry.halt?.reason === 'retire') return;
  // What is not there for good goes for good.
  if (entry.id !== step.draft.current && entry.id !== step.draft.candidate) {
    retire(step, entry);
    return;
  }
  const isThere = isAwake(entry) || entry.state === 'frozen';
  if (isThere || entry.call === 'start' || entry.call === 'freeze') halt(step, entry, 'stop');
}

/** It has no future: when it has ended it is removed. */
export function retire(step: Transition, entry: WritableEntry): void {
  if (entry.call === 'prepare') step.emit({ kind: 'abort-prepare', id: entry.id });
  halt(step, entry, 'retire');
}

function halt(step: Transition, entry: WritableEntry, reason: Halt['reason']): void {
  if (entry.call === 'start') step.emit({ kind: 'abort-start', id: entry.id });
  if (entry.state === 'starting') step.emit({ kind: 'disarm-deadline', id: entry.id });
  const { halt: before } = entry;
  // From now on its exchanges have so long and no longer: that is asked for anew.
  const isPatient = before?.reason === 'surplus' && before.drain === 'asked';
  const drain = isPatient ? 'needed' : (before?.drain ?? (entry.located ? 'needed' : 'done'));
  if (entry.halt?.reason === 'sleep' || entry.halt?.reason === 'freeze') step.draft.sleep = null;
  // Whether it runs is not known after a failed start or thaw: it is stopped before it is removed.
  if (before?.reason === 'failed') entry.located = true;
  entry.halt = { reason, drain };
}
