/** What one worker can do next: one atomic operation of the turn it is in, or the beginning of a turn. */
import { Admission, Ending, TargetEntry } from '../../src/edge/board/index.ts';
import { BoardCells, emptyColumn } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import { goOnQuiet, quietBeginnings } from './quiet-moves.ts';
import type { DeskEvent } from './wake-rule.ts';
import type { Lane, Move, ToWorker, Turn, WorkerSide } from './world.ts';
import { SERVICE_ROW, TARGET_ROW, TARGETS, targetRow, Violation } from './world.ts';

const HELD = 1;

type TurnOf<Kind extends Turn['kind']> = Extract<Turn, { kind: Kind }>;

export function* workerMoves(side: WorkerSide, protocol: Protocol): Generator<Move<WorkerSide>> {
  const { lane, budget } = side;
  checkLane(side);
  if (lane.life !== 'alive') return;
  if (lane.turn?.kind === 'pick') {
    for (const row of lane.turn.untried) {
      yield { label: `a worker tries target ${row}`, isFair: true, side: pick(side, lane.turn, row) };
    }
  } else if (lane.turn) {
    yield { label: `a worker: ${turnText(lane.turn)}`, isFair: true, side: goOn(side, protocol) };
  } else {
    yield* beginnings(side, protocol);
  }
  if (budget.workerDeaths > 0) {
    const fewer = { ...budget, workerDeaths: budget.workerDeaths - 1 };
    yield { label: 'a worker dies', isFair: false, side: { ...side, budget: fewer, lane: dead(lane) } };
  }
}

/** Whatever brings an instance down must have seen that nothing runs there. */
function checkLane({ lane, instances }: WorkerSide): void {
  if (lane.cells.some((value) => value < 0)) throw new Violation('a counter is below nothing');
  for (const [at, instance] of instances.entries()) {
    const running = lane.running[at]! + (at === 0 ? lane.quiet : 0);
    if (running === 0) continue;
    if (instance === 'exiting' || instance === 'stopped')
      throw new Violation('a busy instance is sent the stop signal');
    if (instance === 'frozen') throw new Violation('a busy instance is suspended');
  }
}

function* beginnings(side: WorkerSide, protocol: Protocol): Generator<Move<WorkerSide>> {
  const { lane, budget, instances } = side;
  const message = lane.inbox[0];
  if (message) {
    const taken = withLane(side, { inbox: lane.inbox.slice(1) });
    yield { label: `a worker hears ${message.kind}`, isFair: true, side: hear(taken, message, protocol) };
  }
  const admitted: Turn = { kind: 'admit', phase: Admission.add, again: null };
  if (budget.requests > 0) {
    const fewer = { ...side, budget: { ...budget, requests: budget.requests - 1 } };
    const come = goOn(withLane(fewer, { turn: admitted }), protocol);
    yield { label: 'a request comes to a worker: in flight', isFair: false, side: come };
  }
  yield* quietBeginnings(side, protocol);
  if (lane.retrying > 0) {
    const retried = withLane(side, { retrying: lane.retrying - 1, turn: admitted });
    yield { label: 'a worker tries one again', isFair: true, side: goOn(retried, protocol) };
  }
  for (const [at, running] of lane.running.entries()) {
    if (running === 0 || instances[at] !== 'listening') continue;
    const turn: Turn = { kind: 'end', ofTarget: TARGET_ROW + at, phase: Ending.stamp };
    const answered = withLane(side, { running: lane.running.with(at, running - 1), turn });
    yield { label: `app ${at + 1} answers`, isFair: true, side: goOn(answered, protocol) };
  }
  if (lane.held > 0 && budget.clientsGone > 0) {
    const fewer = { ...side, budget: { ...budget, clientsGone: budget.clientsGone - 1 } };
    yield { label: 'a held client goes away', isFair: false, side: atDesk(leave(fewer), 'left', protocol) };
  }
  if (lane.isRefusing) {
    yield { label: 'the back-off is over', isFair: true, side: withLane(side, { isRefusing: false }) };
  }
}

function withLane(side: WorkerSide, change: Partial<Lane>): WorkerSide {
  return { ...side, lane: { ...side.lane, ...change } };
}

function boardOf({ gates, lane }: WorkerSide): BoardCells {
  return new BoardCells(gates, [lane.cells]);
}

function hear(side: WorkerSide, message: ToWorker, protocol: Protocol): WorkerSide {
  const { lane } = side;
  switch (message.kind) {
    case 'table': {
      const { generation, targets } = message;
      return withLane(side, { generation, targets });
    }
    case 'look-again': {
      const told = atDesk(withLane(side, { isRefusing: false }), 'opened', protocol);
      return nextHolder(told, lane.held, protocol);
    }
    case 'closed':
      return atDesk(side, 'closed', protocol);
    case 'refuse': {
      const turn: Turn | null = lane.held > 0 ? { kind: 'refuse', left: lane.held } : null;
      return atDesk(withLane(side, { isRefusing: true, turn }), 'refused', protocol);
    }
  }
}

/** Says `wake` if the rule wants it. */
function atDesk(side: WorkerSide, event: DeskEvent, { wakeRule }: Protocol): WorkerSide {
  const { held, hasSaidWake, wakes } = side.lane;
  const after = wakeRule.next({ held, hasSaidWake }, event);
  return withLane(side, { hasSaidWake: after.hasSaidWake, wakes: after.says ? wakes + 1 : wakes });
}

function goOn(side: WorkerSide, protocol: Protocol): WorkerSide {
  const { turn } = side.lane;
  switch (turn?.kind) {
    case 'admit':
      return admit(side, turn, protocol);
    case 'choose':
      return choose(side, turn, protocol);
    case 'take-back':
      return takeBack(side, turn, protocol);
    case 'end':
      return end(side, turn, protocol);
    case 'refuse':
      return refuse(side, turn);
    case 'quiet':
      return goOnQuiet(side, turn, protocol);
    default:
      return side;
  }
}

function admit(side: WorkerSide, turn: TurnOf<'admit'>, protocol: Protocol): WorkerSide {
  const board = boardOf(side);
  const { generation, held } = side.lane;
  const row = board.rowCell(SERVICE_ROW, 0);
  const phase = protocol.admissionStep(turn.phase, board, board.gateCell(SERVICE_ROW), row, generation);
  const after = withLane(side, { cells: board.cells[0]! });
  if (phase === Admission.passed) {
    const left = turn.again === null ? held : held - 1;
    return tryTargets(withLane(after, { held: left }), readyRows(side.lane), turn.again);
  }
  if (phase === Admission.held) return hold(after, turn, protocol);
  return withLane(after, { turn: { ...turn, phase } });
}

/** A request that passed chooses among the ready targets of the table that its worker has. */
function readyRows({ targets }: Lane): readonly number[] {
  return targets.flatMap(({ id, state }) => (state === 'ready' ? [targetRow(id)] : []));
}

function tryTargets(side: WorkerSide, rows: readonly number[], again: number | null): WorkerSide {
  const [only] = rows;
  if (only === undefined) return withLane(side, { turn: { kind: 'take-back', again } });
  const turn: TurnOf<'pick'> = { kind: 'pick', untried: rows, again };
  return rows.length === 1 ? pick(side, turn, only) : withLane(side, { turn });
}

function pick(side: WorkerSide, { untried, again }: TurnOf<'pick'>, row: number): WorkerSide {
  const others = untried.filter((other) => other !== row);
  return withLane(side, {
    turn: { kind: 'choose', row, phase: TargetEntry.add, untried: others, again },
  });
}

function hold(side: WorkerSide, turn: TurnOf<'admit'>, protocol: Protocol): WorkerSide {
  // The gate is the same for all: the first that stays held speaks for the rest.
  if (turn.again !== null) return atDesk(withLane(side, { turn: null }), 'still-held', protocol);
  const held = withLane(side, { held: side.lane.held + 1, turn: null });
  return side.lane.isRefusing ? leave(held) : atDesk(held, 'held', protocol);
}

function choose(side: WorkerSide, turn: TurnOf<'choose'>, protocol: Protocol): WorkerSide {
  const board = boardOf(side);
  const { generation, running } = side.lane;
  const { row, again } = turn;
  const cell = board.rowCell(row, 0);
  const phase = protocol.targetEntryStep(turn.phase, board, board.gateCell(row), cell, generation);
  const after = withLane(side, { cells: board.cells[0]! });
  if (phase === TargetEntry.refused) return tryTargets(after, turn.untried, again);
  if (phase !== TargetEntry.entered) return withLane(after, { turn: { ...turn, phase } });
  const at = row - TARGET_ROW;
  const instance = side.instances[at];
  if (instance !== 'up' && instance !== 'listening' && instance !== 'frozen-late')
    throw new Violation(`a request is sent to an instance that is ${instance}`);
  const sent = withLane(after, { running: running.with(at, running[at]! + 1), turn: null });
  return again === null ? sent : nextHolder(sent, again - 1, protocol);
}

/** The next of the held requests begins again; when all have passed the turn is over. */
function nextHolder(side: WorkerSide, left: number, protocol: Protocol): WorkerSide {
  if (left === 0) return atDesk(withLane(side, { turn: null }), 'all-passed', protocol);
  return withLane(side, { turn: { kind: 'admit', phase: Admission.addAgain, again: left } });
}

/** No end: nothing was sent. It begins again as a new one, in a turn of its own. */
function takeBack(side: WorkerSide, turn: TurnOf<'take-back'>, protocol: Protocol): WorkerSide {
  const board = boardOf(side);
  board.add(board.rowCell(SERVICE_ROW, 0), -1);
  const { retrying } = side.lane;
  const after = withLane(side, { cells: board.cells[0]!, retrying: retrying + 1, turn: null });
  return turn.again === null ? after : nextHolder(after, turn.again - 1, protocol);
}

function end(side: WorkerSide, turn: TurnOf<'end'>, protocol: Protocol): WorkerSide {
  const board = boardOf(side);
  const cell = board.rowCell(turn.ofTarget ?? SERVICE_ROW, 0);
  let phase = protocol.endingStep(turn.phase, board, cell, 0);
  // The stamp is of no consequence: it is no step of its own.
  if (turn.phase === Ending.stamp) phase = protocol.endingStep(phase, board, cell, 0);
  const after = withLane(side, { cells: board.cells[0]! });
  if (phase !== Ending.ended) return withLane(after, { turn: { ...turn, phase } });
  const next: Turn | null =
    turn.ofTarget === null ? null : { kind: 'end', ofTarget: null, phase: Ending.stamp };
  return withLane(after, { turn: next });
}

function refuse(side: WorkerSide, turn: TurnOf<'refuse'>): WorkerSide {
  const next: Turn | null = turn.left === 1 ? null : { kind: 'refuse', left: turn.left - 1 };
  return withLane(leave(side), { turn: next });
}

/** One that is held goes, without having been sent. */
function leave(side: WorkerSide): WorkerSide {
  const board = boardOf(side);
  board.add(board.rowCell(SERVICE_ROW, 0) + HELD, -1);
  return withLane(side, { cells: board.cells[0]!, held: side.lane.held - 1 });
}

/** Its exchanges are gone with it; its column stays as it was until the daemon notices. */
function dead({ cells, wasRead }: Lane): Lane {
  return { ...newLane(), life: 'dead', cells, wasRead };
}

export function newLane(): Lane {
  return {
    life: 'alive',
    wasRead: false,
    cells: emptyColumn(),
    generation: 0,
    targets: [],
    held: 0,
    running: new Array<number>(TARGETS).fill(0),
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
      return `target ${turn.row}: ${nameOf(TargetEntry, turn.phase)}`;
    case 'pick':
      return 'chooses';
    case 'take-back':
      return 'takes the service back';
    case 'end':
      return `end of ${turn.ofTarget === null ? 'service' : 'target'}: ${nameOf(Ending, turn.phase)}`;
    case 'refuse':
      return 'answers one with 502';
    case 'quiet':
      return `quiet: ${turn.at}`;
  }
}
