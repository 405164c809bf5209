/** The whole model: how it begins, who can do what, what stands for what, and what must hold at rest. */
import { newGate } from '../../src/proxy/gates/index.ts';
import { emptyColumn, rowIn } from './board-cells.ts';
import { controlMoves, type Setup } from './control-moves.ts';
import { daemonMoves, newDaemon, noGates } from './daemon-moves.ts';
import { engineMoves } from './engine-moves.ts';
import type { Exploration, Process, ProcessKind, System } from './explorer.ts';
import { explore } from './explorer.ts';
import type { Protocol } from './protocol.ts';
import { newLane, workerMoves } from './worker-moves.ts';
import type { Budget, ControlSide, DaemonSide, Lane, Move, WorkerSide, World } from './world.ts';
import { INSTANCE, ROW_CELLS, SERVICE_ROW, TARGETS, Violation } from './world.ts';

const WORKERS = 2;

export interface Bounds extends Budget {
  readonly from: 'asleep' | 'awake';
}

/** Two workers always. Each number is how often the thing may happen, at any moment. */
export const nothing: Bounds = {
  from: 'asleep',
  requests: 0,
  quiets: 0,
  sleeps: 0,
  freezes: 0,
  scalings: 0,
  controlDeaths: 0,
  linkBreaks: 0,
  workerDeaths: 0,
  clientsGone: 0,
  startFailures: 0,
};

export function exploreModel(protocol: Protocol, bounds: Bounds, statesMax = 5_000_000): Exploration {
  return explore(modelOf(protocol, bounds), { statesMax });
}

/** Places: the workers' lanes, then these. */
const SORTS = [
  'gates',
  'own',
  'daemon',
  'toDaemon',
  'toControl',
  'control',
  'engine',
  'instances',
  'budget',
] as const;

export function modelOf(protocol: Protocol, { from, ...budget }: Bounds): System {
  const shape = { freezes: budget.freezes > 0, instancesMax: budget.scalings > 0 ? 2 : 1 };
  const processes = processesOf({ protocol, shape });
  return {
    sorts: [...new Array<string>(WORKERS).fill('lane'), ...SORTS],
    first: beginning(processes, budget, from),
    processes,
    twins: WORKERS,
    represent,
    isPlain,
    checkAtRest: (parts) => checkAtRest(worldOf(parts)),
  };
}

function placeOf(sort: (typeof SORTS)[number]): number {
  return WORKERS + SORTS.indexOf(sort);
}

function worldOf(parts: readonly unknown[]): World {
  const rest = SORTS.map((sort) => [sort, parts[placeOf(sort)]]);
  return { ...Object.fromEntries(rest), lanes: parts.slice(0, WORKERS) } as unknown as World;
}

function partsOf(world: World): readonly unknown[] {
  return [...world.lanes, ...SORTS.map((sort) => world[sort])];
}

function* stepsOf<Side>(moves: Iterable<Move<Side>>, partsAfter: (side: Side) => readonly unknown[]) {
  for (const { label, isFair, side } of moves) yield { label, isFair, parts: partsAfter(side) };
}

// ---- who can do what

type SortName = (typeof SORTS)[number];
const WORKER_SORTS = ['gates', 'instances', 'budget'] as const satisfies readonly SortName[];
const DAEMON_SORTS = [
  'gates',
  'own',
  'daemon',
  'toDaemon',
  'toControl',
  'instances',
] as const satisfies readonly SortName[];
const CONTROL_SORTS = [
  'control',
  'toControl',
  'toDaemon',
  'engine',
  'instances',
  'budget',
] as const satisfies readonly SortName[];

/** Who may be alone comes first. */
function processesOf(setup: Setup): readonly Process[] {
  const worker = workerKind(setup);
  const lanes = [...new Array(WORKERS).keys()];
  return [
    { kind: controlKind(setup), places: CONTROL_SORTS.map(placeOf) },
    ...lanes.map((lane) => ({ kind: worker, places: [lane, ...WORKER_SORTS.map(placeOf)] })),
    { kind: daemonKind(setup), places: [...lanes, ...DAEMON_SORTS.map(placeOf)] },
  ];
}

function workerKind({ protocol }: Setup): ProcessKind {
  return {
    width: 1 + WORKER_SORTS.length,
    isRemembered: true,
    steps: ([lane, gates, instances, budget]) => {
      const side = { lane, gates, instances, budget } as WorkerSide;
      return stepsOf(workerMoves(side, protocol), (after) => [
        after.lane,
        ...WORKER_SORTS.map((sort) => after[sort]),
      ]);
    },
  };
}

function daemonKind({ protocol }: Setup): ProcessKind {
  return {
    width: WORKERS + DAEMON_SORTS.length,
    isRemembered: false,
    steps: (parts) => {
      const rest = DAEMON_SORTS.map((sort, at) => [sort, parts[WORKERS + at]]);
      const side = { ...Object.fromEntries(rest), lanes: parts.slice(0, WORKERS) } as unknown as DaemonSide;
      return stepsOf(daemonMoves(side, protocol), (after) => [
        ...after.lanes,
        ...DAEMON_SORTS.map((sort) => after[sort]),
      ]);
    },
  };
}

function controlKind(setup: Setup): ProcessKind {
  const sideOf = (parts: readonly unknown[]): ControlSide =>
    Object.fromEntries(CONTROL_SORTS.map((sort, at) => [sort, parts[at]])) as unknown as ControlSide;
  return {
    width: CONTROL_SORTS.length,
    isRemembered: true,
    steps: function* (parts) {
      const side = sideOf(parts);
      const partsAfter = (after: ControlSide): readonly unknown[] => CONTROL_SORTS.map((sort) => after[sort]);
      yield* stepsOf(controlMoves(side, setup), partsAfter);
      yield* stepsOf(engineMoves(side, setup), partsAfter);
    },
    isAlone: (parts) => isControlAlone(sideOf(parts)),
  };
}

/**
 * The one short cut (an ample set): a control plane that has something to hear and waits for nothing but the store is not
 * influenced by the others and does not influence what they do next; so it moves first, and the orders in
 * which it would move later lead to the same states. What it says waits in a channel either way; its death, too, is a
 * move of its own, unless it makes messages vanish that the daemon could have heard first.
 */
function isControlAlone({ control, toControl, toDaemon, engine, instances, budget }: ControlSide): boolean {
  if (!control || toControl.length === 0) return false;
  const isSafe = (budget.controlDeaths === 0 && budget.linkBreaks === 0) || toDaemon.length === 0;
  const isSteady = instances.every((life) => life === 'stopped' || life === 'listening' || life === 'frozen');
  return isSafe && isSteady && engine.calls.every(({ kind }) => kind === 'store');
}

// ---- how it begins

/** Everybody there, the control plane connected; asleep, or awake after one request that was answered. */
function beginning(
  processes: readonly Process[],
  budget: Budget,
  from: 'asleep' | 'awake',
): readonly unknown[] {
  const none = Object.fromEntries(Object.keys(budget).map((name) => [name, 0])) as unknown as Budget;
  let world = atRest(unconnected(none), processes);
  if (from === 'awake')
    world = atRest({ ...world, budget: { ...none, requests: 1 } }, processes, 'a request');
  return partsOf({ ...world, budget });
}

/** Carries on with the first fair move; before them with the first one of that label. */
function atRest(from: World, processes: readonly Process[], begin = ''): World {
  let parts = partsOf(from);
  let isBegun = begin === '';
  const isWanted = (step: { label: string; isFair: boolean }): boolean =>
    isBegun ? step.isFair : step.label.startsWith(begin);
  for (let next = firstOf(parts, processes, isWanted); next; next = firstOf(parts, processes, isWanted)) {
    parts = next;
    isBegun = true;
  }
  return worldOf(represent(parts));
}

function firstOf(
  parts: readonly unknown[],
  processes: readonly Process[],
  isWanted: (step: { label: string; isFair: boolean }) => boolean,
): readonly unknown[] | null {
  for (const { kind, places } of processes) {
    for (const step of kind.steps(places.map((place) => parts[place]))) {
      if (isWanted(step)) return placed(parts, places, step.parts);
    }
  }
  return null;
}

/** The state with these parts at these places. */
export function placed(
  parts: readonly unknown[],
  places: readonly number[],
  changed: readonly unknown[],
): readonly unknown[] {
  const after = [...parts];
  for (const [at, place] of places.entries()) after[place] = changed[at];
  return after;
}

function unconnected(budget: Budget): World {
  return {
    gates: noGates,
    lanes: Array.from({ length: WORKERS }, newLane),
    own: emptyColumn(),
    daemon: newDaemon(newGate),
    toDaemon: [],
    toControl: [],
    control: null,
    engine: { calls: [], intents: { [INSTANCE]: 'live' } },
    instances: Array.from({ length: TARGETS }, () => 'stopped' as const),
    budget,
  };
}

// ---- what stands for what

const SERVICE_ENDS = rowIn(SERVICE_ROW) + 2;

/** Where ends are counted, in any row. */
function isEnds(cell: number): boolean {
  return cell % ROW_CELLS === 2;
}

function isPlain(sort: string, part: unknown): boolean {
  if (sort === 'lane') return (part as Lane).cells.every((value, cell) => value === 0 || !isEnds(cell));
  if (sort !== 'own') return true;
  const own = part as World['own'];
  return own.every((value, cell) => value === 0 || !isEnds(cell) || cell === SERVICE_ENDS);
}

/**
 * Only the sum of the ends matters, to whoever has not yet read a part of it: they stand in the daemon's own column. So do those
 * that a reading under way has found at a worker: it meets them there again. Of a target's row nobody reads the ends.
 */
export function represent(parts: readonly unknown[]): readonly unknown[] {
  const { lanes, own, daemon } = worldOf(parts);
  const { reading } = daemon;
  let found = reading?.at.part === 'ends' ? reading.at.ends : 0;
  let sum = own[SERVICE_ENDS]!;
  const changed = lanes.map((lane) => {
    if (isPlain('lane', lane)) return lane;
    const ends = lane.cells[SERVICE_ENDS]!;
    const isHalfRead = lane.wasRead && reading?.at.part === 'ends';
    const moved = isHalfRead ? Math.min(ends, found) : ends;
    if (isHalfRead) found -= moved;
    sum += moved;
    return { ...lane, cells: withEnds(lane.cells, ends - moved) };
  });
  const isFound = reading !== null && reading.at.part === 'ends' && reading.at.ends !== found;
  const readAgain = isFound
    ? { ...daemon, reading: { ...reading, at: { ...reading.at, ends: found } } }
    : daemon;
  const places = [...lanes.keys(), placeOf('own'), placeOf('daemon')];
  return placed(parts, places, [...changed, withEnds(own, sum), readAgain]);
}

function withEnds(cells: readonly number[], ends: number): readonly number[] {
  return cells.map((value, cell) => (isEnds(cell) ? 0 : value)).with(SERVICE_ENDS, ends);
}

// ---- what must hold

/** Beside what is checked where it happens: a stop signal, a request sent, a request going round in circles. */
function checkAtRest(world: World): void {
  for (const { held, running, quiet, retrying } of world.lanes) {
    if (held > 0) throw new Violation('a request is held for ever');
    if (running.some((count) => count > 0) || quiet + retrying > 0)
      throw new Violation('an exchange never ends');
  }
  const columns = [...world.lanes.map(({ cells }) => cells), world.own];
  const left = columns.some((cells) => cells.some((value, at) => at % 4 < 2 && value !== 0));
  if (left) throw new Violation('something is counted that is not there');
}
