/**
 * A quiet request at a worker, one atomic operation at a time: it enters the service as others enter a target, is never
 * held, and takes itself back at its end. Whether others use the service (isInUse) is left open here: it may be passed
 * on at any moment, which is more than the edge ever does. Nor is the cell that counts it as quiet: no fence reads it.
 */
import { Ending, TargetEntry } from '../../src/edge/board/index.ts';
import { BoardCells } from './board-cells.ts';
import type { Protocol } from './protocol.ts';
import type { Move, Turn, World } from './world.ts';
import { INSTANCE, SERVICE_ROW, TARGET_ROW, Violation, withLane } from './world.ts';

type QuietTurn = Extract<Turn, { kind: 'quiet' }>;

export function* quietBeginnings(
  world: World,
  index: number,
  name: string,
  protocol: Protocol,
): Generator<Move> {
  const { budget, engine } = world;
  const { quiet } = world.lanes[index]!;
  if (budget.quiets > 0) {
    const fewer = { ...world, budget: { ...budget, quiets: budget.quiets - 1 } };
    yield {
      label: `a quiet request comes to ${name}`,
      isFair: false,
      world: goOnQuiet(fewer, index, { kind: 'quiet', at: 'service', phase: TargetEntry.add }, protocol),
    };
  }
  if (quiet > 0 && engine.instance === 'listening') {
    const ending = withLane(world, index, { quiet: quiet - 1 });
    yield {
      label: `the app answers a quiet request of ${name}`,
      isFair: true,
      world: goOnQuiet(ending, index, { kind: 'quiet', at: 'end', phase: Ending.stamp }, protocol),
    };
  }
}

export function goOnQuiet(world: World, index: number, turn: QuietTurn, protocol: Protocol): World {
  switch (turn.at) {
    case 'service':
    case 'target':
      return enter(world, index, turn, protocol);
    case 'end':
      return endAtTarget(world, index, turn, protocol);
    case 'leave':
      return leave(world, index);
  }
}

function enter(
  world: World,
  index: number,
  turn: Extract<QuietTurn, { at: 'service' | 'target' }>,
  protocol: Protocol,
): World {
  const { generation, targets, quiet } = world.lanes[index]!;
  const cells = new BoardCells(world);
  const row = turn.at === 'service' ? SERVICE_ROW : TARGET_ROW;
  const at = cells.rowCell(row, index);
  const step = turn.at === 'service' ? protocol.quietEntryStep : protocol.targetEntryStep;
  const phase = step(turn.phase, cells, cells.gateCell(row), at, generation);
  const after = cells.in(world);
  if (phase !== TargetEntry.refused && phase !== TargetEntry.entered)
    return withLane(after, index, { turn: { ...turn, phase } });
  if (turn.at === 'service') {
    const isThere = targets.some(({ id, state }) => id === INSTANCE && state === 'ready');
    const choosing: QuietTurn = { kind: 'quiet', at: 'target', phase: TargetEntry.add };
    const next: QuietTurn = isThere ? choosing : { kind: 'quiet', at: 'leave' };
    // Refused: it has its fixed answer, and nothing is left of it.
    return withLane(after, index, { turn: phase === TargetEntry.entered ? next : null });
  }
  if (phase === TargetEntry.refused) return withLane(after, index, { turn: { kind: 'quiet', at: 'leave' } });
  const { instance } = world.engine;
  if (instance === 'stopped' || instance === 'exiting')
    throw new Violation(`a quiet request is sent to an instance that is ${instance}`);
  return withLane(after, index, { quiet: quiet + 1, turn: null });
}

function endAtTarget(
  world: World,
  index: number,
  turn: Extract<QuietTurn, { at: 'end' }>,
  protocol: Protocol,
): World {
  const cells = new BoardCells(world);
  const at = cells.rowCell(TARGET_ROW, index);
  let phase = protocol.endingStep(turn.phase, cells, at, 0);
  // The stamp is of no consequence: it is no step of its own.
  if (turn.phase === Ending.stamp) phase = protocol.endingStep(phase, cells, at, 0);
  const next: QuietTurn =
    phase === Ending.ended ? { kind: 'quiet', at: 'leave' } : { kind: 'quiet', at: 'end', phase };
  return withLane(cells.in(world), index, { turn: next });
}

/** No end: the number that a fence compares stays as it was. */
function leave(world: World, index: number): World {
  const cells = new BoardCells(world);
  cells.add(cells.rowCell(SERVICE_ROW, index), -1);
  return withLane(cells.in(world), index, { turn: null });
}
