/** One process's column: it alone writes these cells. Held open for the life of the process; owns no other state. */
import { assert } from '../../base/errors.ts';
import type { AdmissionPhase, EndingPhase, TargetEntryPhase } from './admission.ts';
import { Admission, admissionStep, Ending, endingStep, TargetEntry, targetEntryStep } from './admission.ts';
import type { BoardLayout, SharedCells } from './cells.ts';
import { ENDED_AT, HELD, IN_FLIGHT, QUIET } from './cells.ts';
import { sinceStampMs } from './reading.ts';
import { beginSlotEntry, slotEntryStep, TurnBack, type TurnBackPhase, turnBackStep } from './slot-entry.ts';

export class BoardColumn {
  readonly #cells: SharedCells;
  readonly #layout: BoardLayout;
  readonly #stirCell: number;

  constructor(
    cells: SharedCells,
    layout: BoardLayout,
    readonly index: number,
  ) {
    assert(index >= 0 && index < layout.columns, `the board has no column ${index}`);
    this.#cells = cells;
    this.#layout = layout;
    this.#stirCell = layout.stirCell(index);
  }

  /** A new exchange at a service's gate. `generation` is that of the worker's route table. */
  enter(row: number, generation: number): 'passed' | 'held' {
    return this.#admit(Admission.add, row, generation);
  }

  /** A request already held, after an announcement: still held, or passed and no longer counted as held. */
  again(row: number, generation: number): 'passed' | 'held' {
    return this.#admit(Admission.addAgain, row, generation);
  }

  /** A held request goes without passing: client gone, deadline, refusal. */
  leave(row: number): void {
    this.#cells.add(this.#layout.rowCell(row, this.index) + HELD, -1);
    this.#stir();
  }

  /** An exchange that passed, but of which nothing was sent to a target: no end. */
  takeBack(row: number): void {
    this.#cells.add(this.#layout.rowCell(row, this.index) + IN_FLIGHT, -1);
    this.#stir();
  }

  /** An exchange that passed, but must wait for a slot of a target: held again. */
  turnBack(row: number): void {
    const at = this.#layout.rowCell(row, this.index);
    let phase: TurnBackPhase = TurnBack.countHeld;
    while (phase !== TurnBack.turned) phase = turnBackStep(phase, this.#cells, at);
    this.#stir();
  }

  /** An exchange is over, however it ended. Once for the service's row and once for the target's. */
  end(row: number, nowMs: number): void {
    const at = this.#layout.rowCell(row, this.index);
    let phase: EndingPhase = Ending.stamp;
    while (phase !== Ending.ended) phase = endingStep(phase, this.#cells, at, nowMs);
    this.#stir();
  }

  /**
   * A quiet exchange at a service's gate: in flight like any other, so that no fence passes it by; but it is never held,
   * and its end (`endQuiet`) is no end. Between the two cells it looks like any exchange, never like one less.
   */
  tryEnterQuiet(row: number, generation: number): boolean {
    if (!this.tryEnterTarget(row, generation)) return false;
    this.#cells.add(this.#layout.rowCell(row, this.index) + QUIET, 1);
    return true;
  }

  /** Whether it was sent to a target or not. */
  endQuiet(row: number): void {
    this.#cells.add(this.#layout.rowCell(row, this.index) + QUIET, -1);
    this.takeBack(row);
  }

  /** Exchanges other than quiet ones are in flight, or the last of them ended less than `withinMs` ago. */
  isInUse(row: number, withinMs: number, nowMs: number): boolean {
    let inFlight = 0;
    for (let column = 0; column < this.#layout.columns; column++) {
      const at = this.#layout.rowCell(row, column);
      const stamp = this.#cells.load(at + ENDED_AT);
      if (stamp !== 0 && sinceStampMs(nowMs, stamp) < withinMs) return true;
      inFlight += this.#cells.load(at + IN_FLIGHT) - this.#cells.load(at + QUIET);
    }
    return inFlight > 0;
  }

  /** Counts an exchange on a target, unless its gate is closed: then nothing is counted; choose another. */
  tryEnterTarget(row: number, generation: number): boolean {
    const gate = this.#layout.gateCell(row);
    const at = this.#layout.rowCell(row, this.index);
    let phase: TargetEntryPhase = TargetEntry.add;
    while (phase < TargetEntry.entered) phase = targetEntryStep(phase, this.#cells, gate, at, generation);
    this.#stir();
    return phase === TargetEntry.entered;
  }

  /** As above, where a target may have only `limit` at once; 0 is no limit (slot-entry.ts). */
  tryEnterLimited(row: number, generation: number, limit: number): 'entered' | 'closed' | 'full' {
    if (limit === 0) return this.tryEnterTarget(row, generation) ? 'entered' : 'closed';
    const layout = this.#layout;
    const gate = layout.gateCell(row);
    const place = { cells: this.#cells, layout, row, column: this.index, gate, generation, limit };
    const entry = beginSlotEntry();
    for (;;) {
      slotEntryStep(entry, place);
      const { part } = entry;
      if (part !== 'entered' && part !== 'closed' && part !== 'full') continue;
      this.#stir();
      return part;
    }
  }

  /** Held by other workers for this service. */
  heldElsewhere(row: number): number {
    let sum = 0;
    for (let column = 0; column < this.#layout.columns; column++) {
      if (column !== this.index) sum += this.#cells.load(this.#layout.rowCell(row, column) + HELD);
    }
    return sum;
  }

  /** Summed over all columns: for limits and for choosing the least loaded. */
  inFlight(row: number): number {
    let sum = 0;
    for (let column = 0; column < this.#layout.columns; column++) {
      sum += this.#cells.load(this.#layout.rowCell(row, column) + IN_FLIGHT);
    }
    return sum;
  }

  #admit(from: AdmissionPhase, row: number, generation: number): 'passed' | 'held' {
    const gate = this.#layout.gateCell(row);
    const at = this.#layout.rowCell(row, this.index);
    let phase = from;
    while (phase < Admission.passed) phase = admissionStep(phase, this.#cells, gate, at, generation);
    this.#stir();
    return phase === Admission.passed ? 'passed' : 'held';
  }

  /** After the change, never before it: a look in between would take the change for seen. */
  #stir(): void {
    this.#cells.add(this.#stirCell, 1);
  }
}
