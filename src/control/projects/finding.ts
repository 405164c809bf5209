/** What the runtime has is not what was thought: it runs, it is suspended, it is gone. */

import type { Transition, WritableEntry } from './project-draft.ts';
import { haltForStop } from './retiring.ts';
import { isFull, startNow } from './waking.ts';

/** The runtime was listed: something may have been done behind our back, or a reply was lost. */
export function onFound(
  step: Transition,
  entry: WritableEntry,
  as: 'prepared' | 'running' | 'frozen' | 'absent',
): void {
  if (entry.call !== null || entry.halt) return;
  if (as === 'absent' && entry.state === 'prepared') step.move(entry, 'retry');
  if (as !== 'running' && as !== 'frozen') return;
  if (entry.state === 'prepared' || entry.state === 'failed') adopt(step, entry, as);
  else if (entry.state === 'running' && as === 'frozen') thaw(step, entry);
  else if (entry.state === 'starting' && as === 'frozen') resume(step, entry);
  // Resumed by somebody: it is used, or will sleep again.
  else if (entry.state === 'frozen' && as === 'running') adopt(step, entry, 'frozen');
}

/** It runs and we did not know: as good as a start, of which only the address is missing. */
function adopt(step: Transition, entry: WritableEntry, as: 'running' | 'frozen'): void {
  if (isFull(step, entry)) {
    if (entry.state === 'prepared') step.move(entry, 'prepare-failed');
    entry.halt = { reason: 'failed', drain: 'done' };
    return;
  }
  startNow(step, entry, as === 'frozen' ? 'thaw' : 'start');
  if (step.draft.wanted !== 'active' || step.draft.closing) haltForStop(step, entry);
  else step.draft.wake ??= { by: 'proxy' };
}

function thaw(step: Transition, entry: WritableEntry): void {
  step.move(entry, 'freeze');
  step.move(entry, 'thaw');
  entry.call = 'start';
  step.emit({ kind: 'thaw', id: entry.id });
}

/** It has not answered since we know of it (a freeze of the server before came late): it is reached and asked anew. */
function resume(step: Transition, entry: WritableEntry): void {
  entry.located = false;
  entry.call = 'start';
  step.emit({ kind: 'thaw', id: entry.id });
}
