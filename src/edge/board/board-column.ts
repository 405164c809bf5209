/** One process's column: it alone writes these cells. Held open for the life of the process; owns no other state. */
import { assert } from '../../base/errors.ts';
import type { AdmissionPhase, EndingPhase, TargetEntryPhase } from './admission.ts';
import { Admission, admissionStep, Ending, endingStep, TargetEntry, targetEntryStep } from './admission.ts';
import type { BoardLayout, SharedCells } from './cells.ts';
import { HELD, IN_FLIGHT } from './cells.ts';

export class BoardColumn {
  readonly #cells: SharedCells;
  readonly #layout: BoardLayout;

  constructor(
    cells: SharedCells,
    layout: BoardLayout,
    readonly index: number,
  ) {
    assert(index >= 0 && index < layout.columns, `the board has no column ${index}`);
    this.#cells = cells;
    this.#layout = layout;
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
  }

  /** An exchange that passed, but of which nothing was sent to a target: no end. */
  takeBack(row: number): void {
    this.#cells.add(this.#layout.rowCell(row, this.index) + IN_FLIGHT, -1);
  }

  /** An exchange is over, however it ended. Once for the service's row and once for the target's. */
  end(row: number, nowMs: number): void {
    const at = this.#layout.rowCell(row, this.index);
    let phase: EndingPhase = Ending.stamp;
    while (phase !== Ending.ended) phase = endingStep(phase, this.#cells, at, nowMs);
  }

  /** Counts an exchange on a target, unless its gate is closed: then nothing is counted; choose another. */
  tryEnterTarget(row: number, generation: number): boolean {
    const gate = this.#layout.gateCell(row);
    const at = this.#layout.rowCell(row, this.index);
    let phase: TargetEntryPhase = TargetEntry.add;
    while (phase < TargetEntry.entered) phase = targetEntryStep(phase, this.#cells, gate, at, generation);
    return phase === TargetEntry.entered;
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
    return phase === Admission.passed ? 'passed' : 'held';
  }
}
