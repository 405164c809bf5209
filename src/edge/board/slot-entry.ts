/**
 * How an exchange gets a slot of a target that may have only so many at once, one atomic operation a step, so that
 * test/model can put any other worker between any two of them: it adds itself, sums all columns, and takes itself back when
 * the sum is over. Of those that are in at once the last to add has counted all others, so they are never too many.
 */
import { TargetEntry, type TargetEntryPhase, targetEntryStep } from './admission.ts';
import type { Cells, RowAddresses } from './cells.ts';
import { HELD, IN_FLIGHT } from './cells.ts';

/** Two that meet at the last slot both take themselves back: they may try once more. */
const TRIES = 3;

/** One try to get a slot. Changed in place by `slotEntryStep`. */
export interface SlotEntry {
  /** `look`: is one free; `check`: were we too many; the last three are where it comes to rest. */
  part: 'look' | 'enter' | 'check' | 'step-back' | 'entered' | 'closed' | 'full';
  /** The column whose cell is loaded next, and what the others had. */
  column: number;
  inFlight: number;
  entry: TargetEntryPhase;
  tries: number;
}

export interface SlotPlace {
  readonly cells: Cells;
  readonly layout: RowAddresses;
  /** Of the target, and the column of who enters. */
  readonly row: number;
  readonly column: number;
  readonly gate: number;
  readonly generation: number;
  readonly limit: number;
}

export function beginSlotEntry(): SlotEntry {
  return { part: 'look', column: 0, inFlight: 0, entry: TargetEntry.add, tries: 0 };
}

export function slotEntryStep(entry: SlotEntry, place: SlotPlace): void {
  const { cells, layout, row, limit } = place;
  const own = layout.rowCell(row, place.column);
  switch (entry.part) {
    case 'look':
      if (count(entry, place)) turnTo(entry, entry.inFlight < limit ? 'enter' : 'full');
      return;
    case 'enter':
      entry.entry = targetEntryStep(entry.entry, cells, place.gate, own, place.generation);
      if (entry.entry === TargetEntry.refused) entry.part = 'closed';
      else if (entry.entry === TargetEntry.entered) turnTo(entry, 'check');
      return;
    case 'check':
      if (count(entry, place)) turnTo(entry, entry.inFlight <= limit ? 'entered' : 'step-back');
      return;
    case 'step-back':
      cells.add(own + IN_FLIGHT, -1);
      entry.tries++;
      turnTo(entry, entry.tries < TRIES ? 'look' : 'full');
      return;
    case 'entered':
    case 'closed':
    case 'full':
      return;
  }
}

export const TurnBack = { countHeld: 0, lower: 1, turned: 2 } as const;
export type TurnBackPhase = (typeof TurnBack)[keyof typeof TurnBack];

/** One step of who passed its service's gate and found no slot. Held first, so that a fence sees one or the other. */
export function turnBackStep(phase: TurnBackPhase, cells: Cells, row: number): TurnBackPhase {
  switch (phase) {
    case TurnBack.countHeld:
      cells.add(row + HELD, 1);
      return TurnBack.lower;
    case TurnBack.lower:
      cells.add(row + IN_FLIGHT, -1);
      return TurnBack.turned;
    case TurnBack.turned:
      return phase;
  }
}

/** True: all columns are counted. */
function count(entry: SlotEntry, { cells, layout, row }: SlotPlace): boolean {
  entry.inFlight += cells.load(layout.rowCell(row, entry.column) + IN_FLIGHT);
  entry.column++;
  return entry.column === layout.columns;
}

function turnTo(entry: SlotEntry, part: SlotEntry['part']): void {
  entry.part = part;
  entry.column = 0;
  entry.inFlight = 0;
  entry.entry = TargetEntry.add;
}
