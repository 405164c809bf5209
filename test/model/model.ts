/** The whole model: how it begins, what can happen, and what must hold in every state. */
import { newGate } from '../../src/proxy/gates/index.ts';
import { emptyColumn } from './board-cells.ts';
import { controlMoves, engineMoves } from './control-moves.ts';
import { daemonMoves, newDaemon, noGates } from './daemon-moves.ts';
import type { Exploration } from './explorer.ts';
import { explore } from './explorer.ts';
import type { Protocol } from './protocol.ts';
import { newLane, workerMoves } from './worker-moves.ts';
import type { Budget, Move, World } from './world.ts';
import { Violation } from './world.ts';

const WORKERS = 2;

/** Everybody there, the control plane connected; asleep, or awake after one request that was answered. */
function beginning(protocol: Protocol, budget: Budget, from: 'asleep' | 'awake'): World {
  const calm = {
    ...budget,
    requests: 0,
    quiets: 0,
    sleeps: 0,
    controlDeaths: 0,
    linkBreaks: 0,
    workerDeaths: 0,
  };
  let world = atRest(unconnected(calm), protocol);
  if (from === 'awake') {
    const asked = { ...world, budget: { ...calm, requests: 1 } };
    const [request] = workerMoves(asked, 0, protocol);
    if (request) world = atRest(request.world, protocol);
  }
  return { ...world, budget };
}

function atRest(from: World, protocol: Protocol): World {
  let world = from;
  for (let move = firstFair(world, protocol); move; move = firstFair(world, protocol)) world = move.world;
  return world;
}

function firstFair(world: World, protocol: Protocol): Move | undefined {
  for (const move of allMoves(world, protocol)) if (move.isFair) return move;
  return undefined;
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
    engine: { instance: 'stopped', calls: [], intent: 'live' },
    budget,
  };
}

export interface Bounds extends Budget {
  readonly from: 'asleep' | 'awake';
}

export function exploreModel(
  protocol: Protocol,
  bounds: Bounds,
  statesMax = 5_000_000,
  isHashed = false,
): Exploration {
  const { from, ...budget } = bounds;
  return explore({
    first: beginning(protocol, budget, from),
    moves: (world) => allMoves(world, protocol),
    check,
    statesMax,
    isHashed,
  });
}

function* allMoves(world: World, protocol: Protocol): Generator<Move> {
  if (isControlAlone(world)) {
    yield* controlMoves(world, protocol);
    yield* engineMoves(world, protocol);
    return;
  }
  for (const index of world.lanes.keys()) yield* workerMoves(world, index, protocol);
  yield* daemonMoves(world, protocol);
  yield* controlMoves(world, protocol);
  yield* engineMoves(world, protocol);
}

/**
 * The one short cut (an ample set): a control plane that has something to hear and waits for nothing but the store is not
 * influenced by the others and does not influence what they do next; so it moves first, and the orders in
 * which it would move later lead to the same states. What it says waits in a channel either way; its death, too, is a
 * move of its own, unless it makes messages vanish that the daemon could have heard first.
 */
function isControlAlone({ control, toControl, toDaemon, engine, budget }: World): boolean {
  if (!control || toControl.length === 0) return false;
  const isSafe = (budget.controlDeaths === 0 && budget.linkBreaks === 0) || toDaemon.length === 0;
  const isSteady = engine.instance === 'stopped' || engine.instance === 'listening';
  return isSafe && isSteady && engine.calls.every(({ kind }) => kind === 'store');
}

/** Beside what is checked where it happens: a stop signal, a request sent, a request going round in circles. */
function check(world: World, isAtRest: boolean): void {
  for (const { held, running, quiet, retrying, cells } of world.lanes) {
    if (cells.some((value) => value < 0)) throw new Violation('a counter is below nothing');
    if (!isAtRest) continue;
    if (held > 0) throw new Violation('a request is held for ever');
    if (running + quiet + retrying > 0) throw new Violation('an exchange never ends');
  }
  if (!isAtRest) return;
  const columns = [...world.lanes.map(({ cells }) => cells), world.own];
  const left = columns.some((cells) => cells.some((value, at) => at % 4 < 2 && value !== 0));
  if (left) throw new Violation('something is counted that is not there');
}
