/**
 * The whole memory of one project's life, as plain data: `project-machine.ts` is the only writer.
 * No times and no addresses in here: the runner knows those, so that a model can explore every state.
 */
import type { InstanceState } from '../../domain/instance-state.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceIntent } from '../../store/contract.ts';
import type { Dependencies } from '../dependencies/bonds.ts';

/** Why an instance is being brought down, and whether its exchanges have ended. */
export interface Halt {
  /**
   * `sleep`: signalled to the proxy. `freeze`: the same, and it is suspended instead of stopped. `stop`: a person or the shutdown. `retire`: it is removed afterwards. `surplus`: the same, and
   * however long its exchanges take. `failed`: it must not go on.
   */
  readonly reason: 'sleep' | 'freeze' | 'stop' | 'retire' | 'surplus' | 'failed';
  readonly drain: 'needed' | 'asked' | 'done';
}

export interface InstanceEntry {
  readonly id: string;
  readonly revision: number;
  readonly state: InstanceState;
  /** The engine's call under way: for one instance they are made one after the other. */
  readonly call: 'prepare' | 'start' | 'freeze' | 'stop' | 'remove' | null;
  /** What the store has. */
  readonly intent: InstanceIntent;
  /** What is being written to the store. */
  readonly storing: InstanceIntent | null;
  readonly halt: Halt | null;
  /** Its start returned: there is an address to publish, and exchanges may run on it. */
  readonly located: boolean;
  /** False while its readiness probe fails: it gets no exchanges. */
  readonly isReady: boolean;
  /** Its prepare waits for the store: nobody knows when it will be there. */
  readonly isDelayed: boolean;
  /** It has answered before: what it could do once it is given the time to do again. */
  readonly isProved: boolean;
}

/** What the proxy is told. `none`: the service does not exist there. */
export interface Publication {
  readonly traffic: 'forward' | 'stopped' | 'none';
  /** Instance ids. */
  readonly targets: readonly string[];
  /** How requests are divided between revisions; empty: evenly over all targets. */
  readonly split: Lineup;
  /** Grows with each change of hostnames and the like. */
  readonly routes: number;
}

/** What becomes of the leader. */
export type SleepDepth = 'frozen' | 'stopped';

/** The two-phase sleep. From `signalled` on nothing takes it back but a broken link before the stop. */
export type Sleep =
  | {
      readonly phase: 'asking';
      readonly into: SleepDepth;
      readonly ends: number;
      readonly by: 'idle' | 'person';
      readonly triesLeft: number;
      readonly cancelled: boolean;
    }
  /** The proxy has fenced it; `signalled` is on its way. */
  | {
      readonly phase: 'fenced';
      readonly into: SleepDepth;
      readonly token: string;
      readonly by: 'idle' | 'person';
      readonly cancelled: boolean;
    }
  /** Accepted: store, publish without targets, stop. */
  | {
      readonly phase: 'signalled';
      readonly into: SleepDepth;
      readonly token: string;
      readonly by: 'idle' | 'person';
    };

/** `keep`: others need it, or its window has opened. `schedule`: the moment of a wake-up. */
export type WakeCause = 'proxy' | 'person' | 'keep' | 'schedule';

/** Somebody wants an instance that answers. */
export interface Wake {
  readonly by: WakeCause;
}

export interface KnownActivity {
  readonly inFlight: number;
  readonly held: number;
  readonly ends: number;
}

export interface ProjectState {
  readonly wanted: 'active' | 'stopped' | 'deleted';
  /** The platform is shutting down and takes its instances with it. */
  readonly closing: boolean;
  /** False: `idle_timeout: never`. */
  readonly sleepy: boolean;
  /** It is suspended before it sleeps. */
  readonly freezes: boolean;
  readonly routes: number;
  /** The instance that serves, or that the next wake starts. */
  readonly current: string | null;
  /** The instance of another revision, on its way to replace `current`. */
  readonly candidate: string | null;
  /** A candidate is started to see that it works, also while nobody needs it. */
  readonly verifies: boolean;
  /** In force. The first is that of `current`, unless a deploy could not be finished. */
  readonly lineup: Lineup;
  /** In force when the candidate has taken over. */
  readonly nextLineup: Lineup | null;
  /** So many instances are wanted while the project is awake, over all its revisions. */
  readonly count: number;
  /** At least so many, also when nobody asks: with one or more it never sleeps. */
  readonly least: number;
  /** At most so many of one revision, beside those that are on their way out. */
  readonly most: number;
  /** Ids of further instances are this, a dash, and a number. */
  readonly seed: string;
  readonly madeCount: number;
  /** Failed starts and crashes of further instances in a row; at most STRIKES_MAX. */
  readonly scaleStrikes: number;
  /** No further instance is made until the timer `scaling` fires. */
  readonly scaleRests: boolean;
  readonly instances: readonly InstanceEntry[];
  /** Our snapshot is in force at the proxy. */
  readonly linked: boolean;
  /** What the proxy has; null when that is not known. */
  readonly published: Publication | null;
  readonly publishing: Publication | null;
  /** The proxy refuses to route it: a host belongs to somebody else. */
  readonly conflict: StartFailure | null;
  readonly activity: KnownActivity | null;
  readonly sleep: Sleep | null;
  readonly wake: Wake | null;
  /** Failed starts and crashes in a row; at most STRIKES_MAX. */
  readonly strikes: number;
  /** Until the back-off has passed, requests get this answer. */
  readonly backoff: StartFailure | null;
  /** It crashed more than once: it is started again when the back-off has passed, and requests wait for that. */
  readonly cooling: boolean;
  /** Why the last start did not work; null once one has. */
  readonly failure: StartFailure | null;
  /** Why the newest revision does not serve although an older one may; null once it does, or a newer one is on its way. */
  readonly switchFailure: StartFailure | null;
  /** Others need it, or a window of its calendar is open: it neither sleeps nor is suspended, and is started where it is not. */
  readonly kept: boolean;
  /** It has been quiet for idle_timeout, and would sleep were it not kept. */
  readonly due: boolean;
  /** Whether those it depends on are there: before that nothing of it is started. */
  readonly dependencies: Dependencies;
  /** A wake waits for nothing but them. */
  readonly waits: boolean;
  /** Who failed lately: left alone until the retry timer fires. */
  readonly resting: { readonly store: boolean; readonly link: boolean; readonly engine: boolean };
  /** Who waits to be told. */
  readonly asked: { readonly sleep: boolean; readonly stop: boolean };
}

/** A revision and its percentage of the requests. */
export interface LineupShare {
  readonly revision: number;
  readonly percent: number;
}

export type Lineup = readonly LineupShare[];

export const STRIKES_MAX = 7;

/** A new instance, before its first prepare. */
export function newInstance(id: string, revision: number): InstanceEntry {
  return {
    id,
    revision,
    state: 'preparing',
    call: null,
    intent: 'live',
    storing: null,
    halt: null,
    located: false,
    isReady: true,
    isDelayed: false,
    isProved: false,
  };
}

export interface ProjectBasis {
  readonly wanted: 'active' | 'stopped';
  readonly sleepy: boolean;
  readonly freezes: boolean;
  readonly current: string | null;
  readonly candidate: string | null;
  readonly verifies: boolean;
  readonly instances: readonly InstanceEntry[];
  readonly lineup: Lineup;
  readonly nextLineup: Lineup | null;
  readonly least: number;
  readonly most: number;
  readonly seed: string;
}

/** A project as it is registered, or as it is found again: `next(state, { kind: 'begin' })` sets it going. */
export function initialState(basis: ProjectBasis): ProjectState {
  return {
    ...basis,
    count: Math.max(1, basis.least),
    madeCount: 0,
    scaleStrikes: 0,
    scaleRests: false,
    closing: false,
    routes: 1,
    linked: false,
    published: null,
    publishing: null,
    conflict: null,
    activity: null,
    sleep: null,
    wake: null,
    strikes: 0,
    backoff: null,
    cooling: false,
    failure: null,
    switchFailure: null,
    kept: false,
    due: false,
    dependencies: { kind: 'met' },
    waits: false,
    resting: { store: false, link: false, engine: false },
    asked: { sleep: false, stop: false },
  };
}
