/** The board of the model: the gates and some columns, as plain numbers. Who writes gets changed copies. */
import type { Cells, RowAddresses } from '../../src/edge/board/index.ts';
import { ROW_CELLS, ROWS } from './world.ts';

const COLUMN_CELLS = ROWS * ROW_CELLS;
/** Times are left out: they decide nothing. */
const TIME_OFFSET = 3;

export function emptyColumn(): readonly number[] {
  return new Array<number>(COLUMN_CELLS).fill(0);
}

/** Where a row begins in one column. */
export function rowIn(row: number): number {
  return row * ROW_CELLS;
}

export class BoardCells implements Cells, RowAddresses {
  gates: readonly number[];
  readonly cells: (readonly number[])[];

  constructor(gates: readonly number[], columns: readonly (readonly number[])[]) {
    this.gates = gates;
    this.cells = [...columns];
  }

  get columns(): number {
    return this.cells.length;
  }

  gateCell(row: number): number {
    return row;
  }

  rowCell(row: number, column: number): number {
    return ROWS + column * COLUMN_CELLS + rowIn(row);
  }

  load(cell: number): number {
    if (cell < ROWS) return this.gates[cell]!;
    return this.cells[this.#columnOf(cell)]![(cell - ROWS) % COLUMN_CELLS]!;
  }

  store(cell: number, value: number): void {
    if (cell < ROWS) {
      this.gates = this.gates.with(cell, value);
      return;
    }
    const at = (cell - ROWS) % COLUMN_CELLS;
    if (at % ROW_CELLS === TIME_OFFSET) return;
    const column = this.#columnOf(cell);
    this.cells[column] = this.cells[column]!.with(at, value);
  }

  add(cell: number, by: number): number {
    const before = this.load(cell);
    this.store(cell, before + by);
    return before;
  }

  #columnOf(cell: number): number {
    return Math.floor((cell - ROWS) / COLUMN_CELLS);
  }
}
