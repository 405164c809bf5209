/**
 * One state of the modelled system: workers, the daemon, the control plane, the engine and the channels between them.
 * Plain immutable data, in parts; each kind of process sees and changes only its side of them.
 */

import type { ProjectTimer } from '../../src/control/projects/project-input.ts';
import type { ProjectState, Publication } from '../../src/control/projects/project-state.ts';
import type {
  AdmissionPhase,
  EndingPhase,
  RowReading,
  TargetEntryPhase,
} from '../../src/edge/board/index.ts';
import type { Gate, GateEffect, GateEvent, GateTarget } from '../../src/proxy/gates/index.ts';
import type { InstanceIntent } from '../../src/store/contract.ts';

/** The instance that leads at first: an id is used again for each of its lives. */
export const INSTANCE = 'i1';
export const SERVICE_ROW = 0;
/** Of INSTANCE; the rows after it belong to further instances, in turn. */
export const TARGET_ROW = 1;
const FURTHER_ROWS = 2;
export const ROWS = TARGET_ROW + 1 + FURTHER_ROWS;
export const TARGETS = ROWS - TARGET_ROW;
/** Cells of one row in one column; the fourth is a time, which the model has not. */
export const ROW_CELLS = 4;

/** What a worker does in one turn of its event loop, one atomic operation at a time. */
export type Turn =
  /** `again`: how many held requests are still to look; null for a new one. */
  | {
      readonly kind: 'admit';
      readonly phase: AdmissionPhase;
      readonly again: number | null;
    }
  | {
      readonly kind: 'choose';
      readonly row: number;
      readonly phase: TargetEntryPhase;
      /** The other ready targets that it has not tried. */
      readonly untried: readonly number[];
      readonly again: number | null;
    }
  /** Any of them may be the next that it tries. */
  | { readonly kind: 'pick'; readonly untried: readonly number[]; readonly again: number | null }
  /** Passed, but no target would have it. */
  | { readonly kind: 'take-back'; readonly again: number | null }
  /** `ofTarget`: first there, then at the service; null: at the service. */
  | { readonly kind: 'end'; readonly ofTarget: number | null; readonly phase: EndingPhase }
  /** Answers what is held with a failure, one by one. */
  | { readonly kind: 'refuse'; readonly left: number }
  /** A quiet request enters its service, then a target; its exchange ends there, and leaves the service. */
  | { readonly kind: 'quiet'; readonly at: 'service' | 'target'; readonly phase: TargetEntryPhase }
  | { readonly kind: 'quiet'; readonly at: 'end'; readonly phase: EndingPhase }
  | { readonly kind: 'quiet'; readonly at: 'leave' };

export type ToWorker =
  | { readonly kind: 'table'; readonly generation: number; readonly targets: readonly GateTarget[] }
  | { readonly kind: 'look-again' | 'closed' }
  | { readonly kind: 'refuse' };

export interface Lane {
  /** `dead`: the daemon has not noticed yet. `folded`: its column has become the daemon's. */
  readonly life: 'alive' | 'dead' | 'folded';
  /** The reading under way has been at its column, in the part that it is in. */
  readonly wasRead: boolean;
  /** Its column of the board. */
  readonly cells: readonly number[];
  readonly generation: number;
  readonly targets: readonly GateTarget[];
  readonly held: number;
  /** Exchanges that run on each target, the first row's first. */
  readonly running: readonly number[];
  /** Quiet exchanges that run on INSTANCE. */
  readonly quiet: number;
  /** Passed the gate, found no target: they begin again. */
  readonly retrying: number;
  /** Says 502 to whoever would be held. */
  readonly isRefusing: boolean;
  /** Kept by those wake rules that have a flag. */
  readonly hasSaidWake: boolean;
  readonly turn: Turn | null;
  readonly inbox: readonly ToWorker[];
  /** Wakes on their way to the daemon. */
  readonly wakes: number;
}

export interface Activity {
  readonly inFlight: number;
  readonly held: number;
  readonly ends: number;
}

export type ToDaemon =
  | { readonly kind: 'hello' }
  | { readonly kind: 'snapshot'; readonly publication: Publication }
  | { readonly kind: 'publish'; readonly publication: Publication }
  | { readonly kind: 'fence'; readonly ends: number }
  | { readonly kind: 'signalled' | 'lift'; readonly token: string }
  | { readonly kind: 'wake-failed' }
  | { readonly kind: 'drain'; readonly id: string }
  | { readonly kind: 'end-of-link' };

export type ToControl =
  | {
      readonly kind: 'welcome';
      readonly activity: Activity;
      readonly isOpen: boolean;
      readonly targets: readonly GateTarget[];
    }
  | { readonly kind: 'ready' }
  | { readonly kind: 'published'; readonly publication: Publication }
  | { readonly kind: 'fenced' | 'signal-accepted' | 'signal-stale' | 'lifted'; readonly token: string }
  | { readonly kind: 'fence-refused'; readonly activity: Activity }
  | { readonly kind: 'activity'; readonly activity: Activity }
  | { readonly kind: 'wake' }
  | { readonly kind: 'answered' | 'drained'; readonly id: string }
  | { readonly kind: 'end-of-link' };

/** What the daemon has still to do of the turn it is in. */
export type Duty =
  | { readonly kind: 'effect'; readonly effect: GateEffect }
  | { readonly kind: 'event'; readonly event: GateEvent }
  | { readonly kind: 'send'; readonly message: ToControl }
  | { readonly kind: 'read'; readonly why: ReadingPurpose }
  | { readonly kind: 'tell-closed' };

export type ReadingPurpose = 'gate' | 'wake' | 'refusal' | 'welcome' | 'activity';

export interface Daemon {
  readonly gate: Gate;
  readonly generation: number;
  readonly duties: readonly Duty[];
  readonly reading: { readonly why: ReadingPurpose; readonly at: RowReading } | null;
  /** Fences asked so far: the next token. */
  readonly fences: number;
  readonly told: Activity | null;
  /** Targets whose last exchange is waited for. */
  readonly drains: readonly string[];
  /** The token that the owner's `signalled` names; kept for the reply. */
  readonly signalledToken: string | null;
}

export interface Control {
  readonly project: ProjectState;
  readonly link: 'down' | 'greeting' | 'listing' | 'settling' | 'ready';
  /** What the daemon said it has. */
  readonly welcome: Extract<ToControl, { kind: 'welcome' }> | null;
  readonly snapshot: Publication | null;
  readonly timers: readonly ProjectTimer[];
}

export interface EngineCall {
  readonly kind: 'prepare' | 'start' | 'freeze' | 'thaw' | 'stop' | 'remove' | 'store';
  readonly id: string;
  readonly intent: InstanceIntent | null;
  /** Made by a control plane that died since: nobody hears the answer. */
  readonly isOrphan: boolean;
}

/**
 * `up`: started, does not listen yet. `exiting`: the stop signal was sent. `frozen-late`: suspended by a call whose maker
 * had died, so that another may have sent requests there meanwhile.
 */
export type InstanceLife = 'stopped' | 'up' | 'listening' | 'frozen' | 'frozen-late' | 'exiting';

export interface Engine {
  readonly calls: readonly EngineCall[];
  /** What the store says is intended with each instance. */
  readonly intents: Readonly<Record<string, InstanceIntent>>;
}

/** How often things may still happen that nobody owes. */
export interface Budget {
  readonly requests: number;
  readonly quiets: number;
  readonly sleeps: number;
  /** Sleeps that only suspend. */
  readonly freezes: number;
  /** The load asks for two instances, or for one again. */
  readonly scalings: number;
  readonly controlDeaths: number;
  readonly linkBreaks: number;
  readonly workerDeaths: number;
  readonly clientsGone: number;
  readonly startFailures: number;
}

export interface World {
  readonly gates: readonly number[];
  readonly lanes: readonly Lane[];
  /** The daemon's own column: what dead workers leave. */
  readonly own: readonly number[];
  readonly daemon: Daemon;
  readonly toDaemon: readonly ToDaemon[];
  readonly toControl: readonly ToControl[];
  readonly control: Control | null;
  readonly engine: Engine;
  /** Of each target's row, as the engine knows it. */
  readonly instances: readonly InstanceLife[];
  readonly budget: Budget;
}

/** All that a worker sees, and what it changes: its lane and the budget. */
export interface WorkerSide extends Pick<World, 'gates' | 'instances' | 'budget'> {
  readonly lane: Lane;
}

export type DaemonSide = Pick<
  World,
  'gates' | 'lanes' | 'own' | 'daemon' | 'toDaemon' | 'toControl' | 'instances'
>;

/** The control plane, the engine and the store. */
export type ControlSide = Pick<
  World,
  'control' | 'toControl' | 'toDaemon' | 'engine' | 'instances' | 'budget'
>;

/** What may happen next. Fair: it happens sooner or later. The others may never happen. */
export interface Move<Side> {
  readonly label: string;
  readonly isFair: boolean;
  readonly side: Side;
}

/** How the project is set up. */
export interface ProjectShape {
  readonly freezes: boolean;
  readonly instancesMax: number;
}

export function targetRow(id: string): number {
  if (id === INSTANCE) return TARGET_ROW;
  const number = Number(id.slice(id.lastIndexOf('-') + 1));
  return TARGET_ROW + 1 + ((number - 1) % FURTHER_ROWS);
}

/** A property that does not hold. */
export class Violation extends Error {}
