/** What one worker can do next: one atomic operation of the turn it is in, or the beginning of a turn. */
import { Admission, Ending, TargetEntry } from '../../src/edge/board/index.ts';
import { BoardCells, emptyColumn } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import { goOnQuiet, quietBeginnings } from './quiet-moves.ts';
import type { DeskEvent } from './wake-rule.ts';
import type { Lane, Move, ToWorker, Turn, World } from './world.ts';
import { INSTANCE, SERVICE_ROW, TARGET_ROW, Violation, withLane } from './world.ts';

const HELD = 1;

export function* workerMoves(world: World, index: number, protocol: Protocol): Generator<Move> {
  const lane = world.lanes[index]!;
  if (!lane.isAlive) return;
  const name = `worker ${index + 1}`;
  if (lane.turn) {
    yield { label: `${name}: ${turnText(lane.turn)}`, isFair: true, world: goOn(world, index, protocol) };
  } else {
    yield* beginnings(world, index, name, protocol);
  }
  if (world.budget.workerDeaths > 0) {
    yield { label: `${name} dies`, isFair: false, world: die(world, index) };
  }
}

function* beginnings(world: World, index: number, name: string, protocol: Protocol): Generator<Move> {
  const lane = world.lanes[index]!;
  const { budget } = world;
  const message = lane.inbox[0];
  if (message) {
    const taken = withLane(world, index, { inbox: lane.inbox.slice(1) });
    yield {
      label: `${name} hears ${message.kind}`,
      isFair: true,
      world: hear(taken, index, message, protocol),
    };
  }
  if (budget.requests > 0) {
    const fewer = { ...world, budget: { ...budget, requests: budget.requests - 1 } };
    const turn: Turn = { kind: 'admit', phase: Admission.add, again: null };
    yield {
      label: `a request comes to ${name}: in flight`,
      isFair: false,
      world: goOn(withLane(fewer, index, { turn }), index, protocol),
    };
  }
  yield* quietBeginnings(world, index, name, protocol);
  if (lane.retrying > 0) {
    const turn: Turn = { kind: 'admit', phase: Admission.add, again: null };
    const retried = withLane(world, index, { retrying: lane.retrying - 1, turn });
    yield { label: `${name} tries one again`, isFair: true, world: goOn(retried, index, protocol) };
  }
  if (lane.running > 0 && world.engine.instance === 'listening') {
    const turn: Turn = { kind: 'end', row: TARGET_ROW, phase: Ending.stamp };
    const answered = withLane(world, index, { running: lane.running - 1, turn });
    yield { label: `the app answers ${name}`, isFair: true, world: goOn(answered, index, protocol) };
  }
  if (lane.held > 0 && budget.clientsGone > 0) {
    const fewer = { ...world, budget: { ...budget, clientsGone: budget.clientsGone - 1 } };
    yield {
      label: `a client held by ${name} goes away`,
      isFair: false,
      world: atDesk(leave(fewer, index), index, 'left', protocol),
    };
  }
  if (lane.isRefusing) {
    yield {
      label: `${name}: the back-off is over`,
      isFair: true,
      world: withLane(world, index, { isRefusing: false }),
    };
  }
}

function hear(world: World, index: number, message: ToWorker, protocol: Protocol): World {
  const lane = world.lanes[index]!;
  switch (message.kind) {
    case 'table': {
      const { generation, targets } = message;
      return withLane(world, index, { generation, targets });
    }
    case 'look-again': {
      const told = atDesk(withLane(world, index, { isRefusing: false }), index, 'opened', protocol);
      return nextHolder(told, index, lane.held, protocol);
    }
    case 'closed':
      return atDesk(world, index, 'closed', protocol);
    case 'refuse': {
      const turn: Turn | null = lane.held > 0 ? { kind: 'refuse', left: lane.held } : null;
      return atDesk(withLane(world, index, { isRefusing: true, turn }), index, 'refused', protocol);
    }
  }
}

/** Says `wake` if the rule wants it. */
function atDesk(world: World, index: number, event: DeskEvent, { wakeRule }: Protocol): World {
  const { held, hasSaidWake, wakes } = world.lanes[index]!;
  const after = wakeRule.next({ held, hasSaidWake }, event);
  return withLane(world, index, { hasSaidWake: after.hasSaidWake, wakes: after.says ? wakes + 1 : wakes });
}

function goOn(world: World, index: number, protocol: Protocol): World {
  const { turn } = world.lanes[index]!;
  if (!turn) return world;
  switch (turn.kind) {
    case 'admit':
      return admit(world, index, turn, protocol);
    case 'choose':
      return choose(world, index, turn, protocol);
    case 'take-back':
      return takeBack(world, index, turn, protocol);
    case 'end':
      return end(world, index, turn, protocol);
    case 'refuse':
      return refuse(world, index, turn);
    case 'quiet':
      return goOnQuiet(world, index, turn, protocol);
  }
}

function admit(
  world: World,
  index: number,
  turn: Extract<Turn, { kind: 'admit' }>,
  protocol: Protocol,
): World {
  const cells = new BoardCells(world);
  const { generation, held } = world.lanes[index]!;
  const row = cells.rowCell(SERVICE_ROW, index);
  const phase = protocol.admissionStep(turn.phase, cells, cells.gateCell(SERVICE_ROW), row, generation);
  const after = cells.in(world);
  if (phase === Admission.passed) {
    const left = turn.again === null ? held : held - 1;
    const choosing: Turn = { kind: 'choose', phase: TargetEntry.add, again: turn.again };
    return passTo(withLane(after, index, { held: left }), index, choosing);
  }
  if (phase === Admission.held) return hold(after, index, turn, protocol);
  return withLane(after, index, { turn: { ...turn, phase } });
}

/** A request that passed chooses among the ready targets of the table that its worker has. */
function passTo(world: World, index: number, turn: Extract<Turn, { kind: 'choose' }>): World {
  const isThere = world.lanes[index]!.targets.some(({ id, state }) => id === INSTANCE && state === 'ready');
  const { again } = turn;
  return withLane(world, index, { turn: isThere ? turn : { kind: 'take-back', again } });
}

function hold(
  world: World,
  index: number,
  turn: Extract<Turn, { kind: 'admit' }>,
  protocol: Protocol,
): World {
  const lane = world.lanes[index]!;
  // The gate is the same for all: the first that stays held speaks for the rest.
  if (turn.again !== null)
    return atDesk(withLane(world, index, { turn: null }), index, 'still-held', protocol);
  const held = withLane(world, index, { held: lane.held + 1, turn: null });
  return lane.isRefusing ? leave(held, index) : atDesk(held, index, 'held', protocol);
}

function choose(
  world: World,
  index: number,
  turn: Extract<Turn, { kind: 'choose' }>,
  protocol: Protocol,
): World {
  const cells = new BoardCells(world);
  const { generation, running } = world.lanes[index]!;
  const row = cells.rowCell(TARGET_ROW, index);
  const phase = protocol.targetEntryStep(turn.phase, cells, cells.gateCell(TARGET_ROW), row, generation);
  const after = cells.in(world);
  const { again } = turn;
  if (phase === TargetEntry.refused) return withLane(after, index, { turn: { kind: 'take-back', again } });
  if (phase !== TargetEntry.entered) return withLane(after, index, { turn: { ...turn, phase } });
  const { instance } = world.engine;
  if (instance === 'stopped' || instance === 'exiting') {
    throw new Violation(`a request is sent to an instance that is ${instance}`);
  }
  const sent = withLane(after, index, { running: running + 1, turn: null });
  return again === null ? sent : nextHolder(sent, index, again - 1, protocol);
}

/** The next of the held requests begins again; when all have passed the turn is over. */
function nextHolder(world: World, index: number, left: number, protocol: Protocol): World {
  if (left === 0) return atDesk(withLane(world, index, { turn: null }), index, 'all-passed', protocol);
  return withLane(world, index, { turn: { kind: 'admit', phase: Admission.addAgain, again: left } });
}

/** No end: nothing was sent. It begins again as a new one, in a turn of its own. */
function takeBack(
  world: World,
  index: number,
  turn: Extract<Turn, { kind: 'take-back' }>,
  protocol: Protocol,
): World {
  const cells = new BoardCells(world);
  cells.add(cells.rowCell(SERVICE_ROW, index), -1);
  const { retrying } = world.lanes[index]!;
  const after = withLane(cells.in(world), index, { retrying: retrying + 1, turn: null });
  return turn.again === null ? after : nextHolder(after, index, turn.again - 1, protocol);
}

function end(world: World, index: number, turn: Extract<Turn, { kind: 'end' }>, protocol: Protocol): World {
  const cells = new BoardCells(world);
  const row = cells.rowCell(turn.row, index);
  let phase = protocol.endingStep(turn.phase, cells, row, 0);
  // The stamp is of no consequence: it is no step of its own.
  if (turn.phase === Ending.stamp) phase = protocol.endingStep(phase, cells, row, 0);
  const after = cells.in(world);
  if (phase !== Ending.ended) return withLane(after, index, { turn: { ...turn, phase } });
  const next: Turn | null =
    turn.row === TARGET_ROW ? { kind: 'end', row: SERVICE_ROW, phase: Ending.stamp } : null;
  return withLane(after, index, { turn: next });
}

function refuse(world: World, index: number, turn: Extract<Turn, { kind: 'refuse' }>): World {
  const left = turn.left - 1;
  return withLane(leave(world, index), index, { turn: left > 0 ? { kind: 'refuse', left } : null });
}

function leave(world: World, index: number): World {
  const cells = new BoardCells(world);
  cells.add(cells.rowCell(SERVICE_ROW, index) + HELD, -1);
  return withLane(cells.in(world), index, { held: world.lanes[index]!.held - 1 });
}

/** Its requests die with it; its column stays as it was until the daemon notices. */
function die(world: World, index: number): World {
  const { cells } = world.lanes[index]!;
  const dead: Lane = { ...newLane(), isAlive: false, cells };
  return {
    ...world,
    lanes: world.lanes.with(index, dead),
    daemon: { ...world.daemon, unfolded: [...world.daemon.unfolded, index] },
    budget: { ...world.budget, workerDeaths: world.budget.workerDeaths - 1 },
  };
}

export function newLane(): Lane {
  return {
    isAlive: true,
    cells: emptyColumn(),
    generation: 0,
    targets: [],
    held: 0,
    running: 0,
    quiet: 0,
    retrying: 0,
    isRefusing: false,
    hasSaidWake: false,
    turn: null,
    inbox: [],
    wakes: 0,
  };
}

function turnText(turn: Turn): string {
  const nameOf = (table: Readonly<Record<string, number>>, phase: number): string =>
    Object.keys(table).find((name) => table[name] === phase) ?? '?';
  switch (turn.kind) {
    case 'admit':
      return `gate: ${nameOf(Admission, turn.phase)}`;
    case 'choose':
      return `target: ${nameOf(TargetEntry, turn.phase)}`;
    case 'take-back':
      return 'takes the service back';
    case 'end':
      return `end of ${turn.row === SERVICE_ROW ? 'service' : 'target'}: ${nameOf(Ending, turn.phase)}`;
    case 'refuse':
      return 'answers one with 502';
    case 'quiet':
      return `quiet: ${turn.at}`;
  }
}
