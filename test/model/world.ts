/**
 * One state of the modelled system: workers, the daemon, the control plane, the engine and the channels between them.
 * Plain immutable data; parts that did not change are shared between states, so their keys are computed once.
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

/** The only instance: an id is used again for each of its lives. */
export const INSTANCE = 'i1';
export const SERVICE_ROW = 0;
export const TARGET_ROW = 1;
export const ROWS = 2;
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
      readonly phase: TargetEntryPhase;
      readonly again: number | null;
    }
  /** Passed, but no target would have it. */
  | { readonly kind: 'take-back'; readonly again: number | null }
  | { readonly kind: 'end'; readonly row: number; readonly phase: EndingPhase }
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
  readonly isAlive: boolean;
  /** Its column of the board. */
  readonly cells: readonly number[];
  readonly generation: number;
  readonly targets: readonly GateTarget[];
  /** Held requests, and exchanges that run on the instance. */
  readonly held: number;
  readonly running: number;
  /** Quiet exchanges that run on the instance. */
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
  readonly drain: string | null;
  /** The token that the owner's `signalled` names; kept for the reply. */
  readonly signalledToken: string | null;
  /** Workers whose death it has not noticed yet. */
  readonly unfolded: readonly number[];
}

export interface Control {
  readonly project: ProjectState;
  readonly link: 'down' | 'greeting' | 'listing' | 'settling' | 'ready';
  /** What the daemon said it has. */
  readonly welcome: Extract<ToControl, { kind: 'welcome' }> | null;
  readonly snapshot: Publication | null;
  readonly timers: readonly ProjectTimer[];
  readonly deadline: boolean;
}

export interface EngineCall {
  readonly kind: 'start' | 'stop' | 'prepare' | 'store';
  readonly intent: InstanceIntent | null;
  /** Made by a control plane that died since: nobody hears the answer. */
  readonly isOrphan: boolean;
}

export interface Engine {
  /** `up`: started, does not listen yet. `exiting`: the stop signal was sent. */
  readonly instance: 'stopped' | 'up' | 'listening' | 'exiting';
  readonly calls: readonly EngineCall[];
  /** What the store says is intended with the instance. */
  readonly intent: InstanceIntent;
}

/** How often things may still happen that nobody owes. */
export interface Budget {
  readonly requests: number;
  readonly quiets: number;
  readonly sleeps: number;
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
  readonly budget: Budget;
}

/** What may happen next. Fair: it happens sooner or later. The others may never happen. */
export interface Move {
  readonly label: string;
  readonly isFair: boolean;
  readonly world: World;
}

export function withLane(world: World, index: number, change: Partial<Lane>): World {
  return { ...world, lanes: world.lanes.with(index, { ...world.lanes[index]!, ...change }) };
}

/** A property that does not hold. */
export class Violation extends Error {}
