/**
 * How a worker enters, waits at and leaves a gate. Each step is exactly one atomic operation and names the next,
 * so that test/model can put any other process between any two of them. It owns no state: the cells are the state.
 * Why add comes before look: the daemon closes the gate, then reads; the worker adds, then looks. Whatever the
 * interleaving, at least one of the two sees the other (Dekker), so no exchange passes unseen by a fence.
 */
import type { Cells } from './cells.ts';
import { ENDED_AT, ENDS, HELD, IN_FLIGHT } from './cells.ts';

/** What the next step does. The last three are where an admission comes to rest. */
export const Admission = {
  /** A new exchange: in flight + 1. */
  add: 0,
  look: 1,
  /** Held + 1, before the in-flight is taken back: a reader of the board sees one or the other at any time. */
  countHeld: 2,
  /** In flight - 1; that is no end, since nothing was sent. */
  takeBack: 3,
  /** An opening between the first look and now was announced to nobody who knew of this request. */
  lookOnceMore: 4,
  /** Already held: in flight + 1. */
  addAgain: 5,
  lookAgain: 6,
  takeBackAgain: 7,
  /** Passed after a hold: held - 1, after the in-flight is counted, for the same reason as above. */
  giveUpHeld: 8,
  passed: 9,
  held: 10,
} as const;
export type AdmissionPhase = (typeof Admission)[keyof typeof Admission];

export const TargetEntry = { add: 0, look: 1, takeBack: 2, entered: 3, refused: 4 } as const;
export type TargetEntryPhase = (typeof TargetEntry)[keyof typeof TargetEntry];

export const Ending = { stamp: 0, raise: 1, lower: 2, ended: 3 } as const;
export type EndingPhase = (typeof Ending)[keyof typeof Ending];

/** One step of a request at a service's gate. `row` is the first cell of its row in the worker's own column. */
export function admissionStep(
  phase: AdmissionPhase,
  cells: Cells,
  gate: number,
  row: number,
  generation: number,
): AdmissionPhase {
  switch (phase) {
    case Admission.add:
      cells.add(row + IN_FLIGHT, 1);
      return Admission.look;
    case Admission.look:
      return mayPass(cells.load(gate), generation) ? Admission.passed : Admission.countHeld;
    case Admission.countHeld:
      cells.add(row + HELD, 1);
      return Admission.takeBack;
    case Admission.takeBack:
    case Admission.takeBackAgain:
      cells.add(row + IN_FLIGHT, -1);
      return Admission.lookOnceMore;
    case Admission.lookOnceMore:
      return mayPass(cells.load(gate), generation) ? Admission.addAgain : Admission.held;
    case Admission.addAgain:
      cells.add(row + IN_FLIGHT, 1);
      return Admission.lookAgain;
    case Admission.lookAgain:
      return mayPass(cells.load(gate), generation) ? Admission.giveUpHeld : Admission.takeBackAgain;
    case Admission.giveUpHeld:
      cells.add(row + HELD, -1);
      return Admission.passed;
    case Admission.passed:
    case Admission.held:
      return phase;
  }
}

/** One step of an exchange at a single target's gate: who is refused chooses another target. */
export function targetEntryStep(
  phase: TargetEntryPhase,
  cells: Cells,
  gate: number,
  row: number,
  generation: number,
): TargetEntryPhase {
  switch (phase) {
    case TargetEntry.add:
      cells.add(row + IN_FLIGHT, 1);
      return TargetEntry.look;
    case TargetEntry.look:
      return mayPass(cells.load(gate), generation) ? TargetEntry.entered : TargetEntry.takeBack;
    case TargetEntry.takeBack:
      cells.add(row + IN_FLIGHT, -1);
      return TargetEntry.refused;
    case TargetEntry.entered:
    case TargetEntry.refused:
      return phase;
  }
}

/**
 * One step of an exchange's end. The end is raised before the in-flight is lowered: a fence that reads no
 * in-flight and then the ends cannot miss one.
 */
export function endingStep(phase: EndingPhase, cells: Cells, row: number, nowMs: number): EndingPhase {
  switch (phase) {
    case Ending.stamp:
      cells.store(row + ENDED_AT, stampOf(nowMs));
      return Ending.raise;
    case Ending.raise:
      cells.add(row + ENDS, 1);
      return Ending.lower;
    case Ending.lower:
      cells.add(row + IN_FLIGHT, -1);
      return Ending.ended;
    case Ending.ended:
      return phase;
  }
}

/** 0 is closed; otherwise the generation needed. Compared modulo 2^32, so that generations may go round. */
function mayPass(gate: number, generation: number): boolean {
  return gate !== 0 && ((generation - gate) | 0) >= 0;
}

/** 0 means that nothing has ended yet; the one millisecond in 2^32 that reads 0 is taken for the next. */
function stampOf(nowMs: number): number {
  return nowMs | 0 || 1;
}
