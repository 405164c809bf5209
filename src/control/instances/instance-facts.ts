/** What the runner knows of an instance beside the machine's state: times, the address, the call under way. */
import type { RevisionSettings } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceAddress, InstanceExit } from '../../runtimes/contract.ts';

/** Owned by its project's supervisor, which alone writes it. */
export interface InstanceFacts {
  readonly revision: number;
  /** The settings it is prepared with; fixed with its revision. */
  readonly settings: RevisionSettings;
  readonly createdAt: number;
  /** The store has its record. */
  isRecorded: boolean;
  /** It lay prepared once: to prepare it again is a repair, and quick. */
  wasPrepared: boolean;
  address: InstanceAddress | null;
  /** The edge was connected to it while it was thawed: it need not be asked whether it answers. */
  isReached: boolean;
  /** Wall time of the last change of state. */
  since: number;
  /** Grows with every change: a list of the runtime made before a change says nothing about after it. */
  changes: number;
  /** Something was reported while a call was under way: look again when it has returned. */
  isSuspect: boolean;
  /** Calls off the prepare or start under way. */
  abort: AbortController | null;
  startBeganMs: number | null;
  /** Wall time: what it wrote before is of an earlier life. */
  startBeganAt: number | null;
  startTookMs: number | null;
  stopTookMs: number | null;
  exit: InstanceExit | null;
  /** Why its probes are not content with it. */
  health: StartFailure | null;
}

export function newFacts(
  revision: number,
  settings: RevisionSettings,
  createdAt: number,
  known: { readonly isRecorded: boolean; readonly address: InstanceAddress | null },
): InstanceFacts {
  return {
    revision,
    settings,
    createdAt,
    ...known,
    isReached: false,
    wasPrepared: known.isRecorded,
    since: createdAt,
    changes: 0,
    isSuspect: false,
    abort: null,
    startBeganMs: null,
    startBeganAt: null,
    startTookMs: null,
    stopTookMs: null,
    exit: null,
    health: null,
  };
}
