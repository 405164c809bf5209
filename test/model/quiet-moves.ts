/**
 * A quiet request at a worker, one atomic operation at a time: it enters the service as others enter a target, is never
 * held, and takes itself back at its end. Whether others use the service (isInUse) is left open here: it may be passed
 * on at any moment, which is more than the edge ever does. Nor is the cell that counts it as quiet: no fence reads it.
 */
import { Ending, TargetEntry } from '../../src/edge/board/index.ts';
import { BoardCells } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import type { Move, Turn, WorkerSide } from './world.ts';
import { INSTANCE, SERVICE_ROW, TARGET_ROW, Violation } from './world.ts';

type QuietTurn = Extract<Turn, { kind: 'quiet' }>;

export function* quietBeginnings(side: WorkerSide, protocol: Protocol): Generator<Move<WorkerSide>> {
  const { budget, instances, lane } = side;
  if (budget.quiets > 0) {
    const fewer = { ...side, budget: { ...budget, quiets: budget.quiets - 1 } };
    yield {
      label: 'a quiet request comes',
      isFair: false,
      side: goOnQuiet(fewer, { kind: 'quiet', at: 'service', phase: TargetEntry.add }, protocol),
    };
  }
  if (lane.quiet > 0 && instances[0] === 'listening') {
    const ending = { ...side, lane: { ...lane, quiet: lane.quiet - 1 } };
    yield {
      label: 'the app answers a quiet request',
      isFair: true,
      side: goOnQuiet(ending, { kind: 'quiet', at: 'end', phase: Ending.stamp }, protocol),
    };
  }
}

export function goOnQuiet(side: WorkerSide, turn: QuietTurn, protocol: Protocol): WorkerSide {
  switch (turn.at) {
    case 'service':
    case 'target':
      return enter(side, turn, protocol);
    case 'end':
      return endAtTarget(side, turn, protocol);
    case 'leave':
      return leave(side);
  }
}

function enter(
  side: WorkerSide,
  turn: Extract<QuietTurn, { at: 'service' | 'target' }>,
  protocol: Protocol,
): WorkerSide {
  const { generation, targets, quiet } = side.lane;
  const board = new BoardCells(side.gates, [side.lane.cells]);
  const row = turn.at === 'service' ? SERVICE_ROW : TARGET_ROW;
  const step = turn.at === 'service' ? protocol.quietEntryStep : protocol.targetEntryStep;
  const phase = step(turn.phase, board, board.gateCell(row), board.rowCell(row, 0), generation);
  const lane = { ...side.lane, cells: board.cells[0]! };
  const becomes = (next: Turn | null): WorkerSide => ({ ...side, lane: { ...lane, turn: next } });
  if (phase !== TargetEntry.refused && phase !== TargetEntry.entered) return becomes({ ...turn, phase });
  if (turn.at === 'service') {
    const isThere = targets.some(({ id, state }) => id === INSTANCE && state === 'ready');
    const choosing: QuietTurn = { kind: 'quiet', at: 'target', phase: TargetEntry.add };
    const next: QuietTurn = isThere ? choosing : { kind: 'quiet', at: 'leave' };
    // Refused: it has its fixed answer, and nothing is left of it.
    return becomes(phase === TargetEntry.entered ? next : null);
  }
  if (phase === TargetEntry.refused) return becomes({ kind: 'quiet', at: 'leave' });
  const instance = side.instances[0];
  if (instance !== 'up' && instance !== 'listening' && instance !== 'frozen-late')
    throw new Violation(`a quiet request is sent to an instance that is ${instance}`);
  return { ...side, lane: { ...lane, quiet: quiet + 1, turn: null } };
}

function endAtTarget(
  side: WorkerSide,
  turn: Extract<QuietTurn, { at: 'end' }>,
  protocol: Protocol,
): WorkerSide {
  const board = new BoardCells(side.gates, [side.lane.cells]);
  const at = board.rowCell(TARGET_ROW, 0);
  let phase = protocol.endingStep(turn.phase, board, at, 0);
  // The stamp is of no consequence: it is no step of its own.
  if (turn.phase === Ending.stamp) phase = protocol.endingStep(phase, board, at, 0);
  const next: QuietTurn =
    phase === Ending.ended ? { kind: 'quiet', at: 'leave' } : { kind: 'quiet', at: 'end', phase };
  return { ...side, lane: { ...side.lane, cells: board.cells[0]!, turn: next } };
}

/** No end: the number that a fence compares stays as it was. */
function leave(side: WorkerSide): WorkerSide {
  const board = new BoardCells(side.gates, [side.lane.cells]);
  board.add(board.rowCell(SERVICE_ROW, 0), -1);
  return { ...side, lane: { ...side.lane, cells: board.cells[0]!, turn: null } };
}
