/**
 * A small model of its own: workers whose requests want the slots of one target while a fence of their service goes on. Every
 * step is one atomic operation of the functions that run; any worker, and the daemon, may come between any two.
 */
import {
  Admission,
  type AdmissionPhase,
  admissionStep,
  beginReading,
  beginSlotEntry,
  type Cells,
  Ending,
  type EndingPhase,
  endingStep,
  type RowAddresses,
  type RowReading,
  readingStep,
  type SlotEntry,
  slotEntryStep,
  TurnBack,
  type TurnBackPhase,
  turnBackStep,
} from '../../src/edge/board/index.ts';
import { ROW_CELLS, SERVICE_ROW, TARGET_ROW, Violation } from './world.ts';

/** What a mutant replaces. */
export interface SlotProtocol {
  readonly slotEntryStep: typeof slotEntryStep;
  readonly turnBackStep: typeof turnBackStep;
}

export const slotProtocol: SlotProtocol = { slotEntryStep, turnBackStep };

export interface SlotBounds {
  readonly workers: number;
  readonly limit: number;
  readonly requests: number;
  readonly fences: number;
}

type Turn =
  | { readonly kind: 'admit'; readonly phase: AdmissionPhase; readonly wasHeld: boolean }
  | { readonly kind: 'slot'; readonly entry: SlotEntry }
  | { readonly kind: 'turn-back'; readonly phase: TurnBackPhase }
  | { readonly kind: 'end'; readonly row: number; readonly phase: EndingPhase };

interface Lane {
  readonly turn: Turn | null;
  readonly held: number;
  /** On the target. */
  readonly running: number;
}

type Fence =
  | { readonly kind: 'none' }
  | { readonly kind: 'closing' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'reading'; readonly ends: number; readonly at: RowReading };

export interface SlotWorld {
  /** Both gates, then each worker's column. */
  readonly cells: readonly number[];
  readonly lanes: readonly Lane[];
  readonly fence: Fence;
  readonly requests: number;
  readonly fences: number;
}

const GENERATION = 1;
const ROWS = 2;

/** The cells of one world, written to in a copy. */
class Board implements Cells, RowAddresses {
  readonly cells: number[];
  readonly columns: number;

  constructor({ cells, lanes }: SlotWorld) {
    this.cells = [...cells];
    this.columns = lanes.length;
  }

  rowCell(row: number, column: number): number {
    return ROWS + (column * ROWS + row) * ROW_CELLS;
  }

  load(cell: number): number {
    return this.cells[cell]!;
  }

  store(cell: number, value: number): void {
    // Times decide nothing.
    if (cell < ROWS || (cell - ROWS) % ROW_CELLS < 3) this.cells[cell] = value;
  }

  add(cell: number, by: number): number {
    const before = this.load(cell);
    this.store(cell, before + by);
    return before;
  }
}

export function firstSlotWorld({ workers, requests, fences }: SlotBounds): SlotWorld {
  const lanes = Array.from({ length: workers }, () => ({ turn: null, held: 0, running: 0 }));
  const columns = new Array<number>(workers * ROWS * ROW_CELLS).fill(0);
  return { cells: [GENERATION, GENERATION, ...columns], lanes, fence: { kind: 'none' }, requests, fences };
}

export function* slotMoves(
  world: SlotWorld,
  bounds: SlotBounds,
  protocol: SlotProtocol,
): Generator<SlotWorld> {
  for (const [index, lane] of world.lanes.entries()) {
    if (lane.turn !== null) {
      yield goOn(world, index, lane.turn, bounds, protocol);
      continue;
    }
    const admit = (wasHeld: boolean): Turn => ({
      kind: 'admit',
      phase: wasHeld ? Admission.addAgain : Admission.add,
      wasHeld,
    });
    if (world.requests > 0)
      yield withLane({ ...world, requests: world.requests - 1 }, index, { turn: admit(false) });
    // A release was announced, or the time to look again has come.
    if (lane.held > 0) yield withLane(world, index, { turn: admit(true) });
    if (lane.running > 0)
      yield withLane(world, index, {
        running: lane.running - 1,
        turn: { kind: 'end', row: TARGET_ROW, phase: Ending.stamp },
      });
  }
  const daemon = daemonMove(world);
  if (daemon !== null) yield daemon;
}

function goOn(
  world: SlotWorld,
  index: number,
  turn: Turn,
  bounds: SlotBounds,
  protocol: SlotProtocol,
): SlotWorld {
  const board = new Board(world);
  const own = board.rowCell(SERVICE_ROW, index);
  const lane = world.lanes[index]!;
  const becomes = (change: Partial<Lane>): SlotWorld =>
    withLane({ ...world, cells: board.cells }, index, change);
  switch (turn.kind) {
    case 'admit': {
      const phase = admissionStep(turn.phase, board, SERVICE_ROW, own, GENERATION);
      if (phase === Admission.held) return becomes({ turn: null, held: lane.held + (turn.wasHeld ? 0 : 1) });
      if (phase !== Admission.passed) return becomes({ turn: { ...turn, phase } });
      return becomes({
        turn: { kind: 'slot', entry: beginSlotEntry() },
        held: lane.held - (turn.wasHeld ? 1 : 0),
      });
    }
    case 'slot': {
      const entry = { ...turn.entry };
      const place = { cells: board, layout: board, row: TARGET_ROW, column: index, gate: TARGET_ROW };
      protocol.slotEntryStep(entry, { ...place, generation: GENERATION, limit: bounds.limit });
      if (entry.part === 'full') return becomes({ turn: { kind: 'turn-back', phase: TurnBack.countHeld } });
      if (entry.part !== 'entered') return becomes({ turn: { kind: 'slot', entry } });
      return becomes({ turn: null, running: lane.running + 1 });
    }
    case 'turn-back': {
      const phase = protocol.turnBackStep(turn.phase, board, own);
      if (phase !== TurnBack.turned) return becomes({ turn: { kind: 'turn-back', phase } });
      return becomes({ turn: null, held: lane.held + 1 });
    }
    case 'end': {
      const phase = endingStep(turn.phase, board, board.rowCell(turn.row, index), 0);
      if (phase !== Ending.ended) return becomes({ turn: { ...turn, phase } });
      const next: Turn = { kind: 'end', row: SERVICE_ROW, phase: Ending.stamp };
      return becomes({ turn: turn.row === TARGET_ROW ? next : null });
    }
  }
}

/** The gate is closed, then the board is read; whoever is held raises a wake, which opens it again. */
function daemonMove(world: SlotWorld): SlotWorld | null {
  const { fence } = world;
  const board = new Board(world);
  if (fence.kind === 'none')
    return world.fences === 0 ? null : { ...world, fences: world.fences - 1, fence: { kind: 'closing' } };
  if (fence.kind === 'closing') {
    const ends = world.lanes.reduce(
      (sum, _, index) => sum + board.load(board.rowCell(SERVICE_ROW, index) + 2),
      0,
    );
    return gateSet(world, 0, { kind: 'reading', ends, at: beginReading() });
  }
  if (fence.kind === 'fenced') return gateSet(world, GENERATION, { kind: 'none' });
  const at = { ...fence.at };
  readingStep(at, board, board, SERVICE_ROW, 0);
  if (at.part !== 'done') return { ...world, fence: { ...fence, at } };
  if (at.inFlight > 0 || at.held > 0 || at.ends !== fence.ends)
    return gateSet(world, GENERATION, { kind: 'none' });
  if (world.lanes.some(isBusy)) throw new Violation('a fence passes by a request that has passed its gate');
  return { ...world, fence: { kind: 'fenced' } };
}

/** Somebody is past the gate. Who is held looks at it again; an end that was raised is seen by its number. */
function isBusy({ turn, running }: Lane): boolean {
  return running > 0 || turn?.kind === 'slot' || turn?.kind === 'turn-back';
}

export function checkSlots({ lanes, cells }: SlotWorld, { limit }: SlotBounds): void {
  if (lanes.reduce((sum, { running }) => sum + running, 0) > limit)
    throw new Violation('more exchanges are on the target than it has slots');
  if (cells.some((value) => value < 0)) throw new Violation('a counter is below nothing');
}

/** Everything has been answered, and nothing is counted. */
export function isOver({ lanes, requests, cells }: SlotWorld): boolean {
  const isCounted = cells.some((value, cell) => cell >= ROWS && (cell - ROWS) % ROW_CELLS < 2 && value !== 0);
  const isIdle = lanes.every(({ turn, held, running }) => turn === null && held === 0 && running === 0);
  return requests === 0 && isIdle && !isCounted;
}

function gateSet(world: SlotWorld, value: number, fence: Fence): SlotWorld {
  return { ...world, cells: world.cells.with(SERVICE_ROW, value), fence };
}

function withLane(world: SlotWorld, index: number, change: Partial<Lane>): SlotWorld {
  return { ...world, lanes: world.lanes.with(index, { ...world.lanes[index]!, ...change }) };
}
