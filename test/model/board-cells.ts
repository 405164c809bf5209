/** The board of the model: the daemon's gates, a column for each worker and one for the daemon, as plain numbers. */
import type { Cells, RowAddresses } from '../../src/edge/board/index.ts';
import type { World } from './world.ts';
import { ROW_CELLS, ROWS } from './world.ts';

const COLUMN_CELLS = ROWS * ROW_CELLS;
/** Times are left out: they decide nothing. */
const TIME_OFFSET = 3;

export function emptyColumn(): readonly number[] {
  return new Array<number>(COLUMN_CELLS).fill(0);
}

export class BoardCells implements Cells, RowAddresses {
  readonly columns: number;
  #gates: readonly number[];
  #own: readonly number[];
  readonly #lanes: (readonly number[])[];

  constructor(world: World) {
    this.#gates = world.gates;
    this.#own = world.own;
    this.#lanes = world.lanes.map((lane) => lane.cells);
    this.columns = this.#lanes.length + 1;
  }

  gateCell(row: number): number {
    return row;
  }

  /** Columns: the workers', then the daemon's own. */
  rowCell(row: number, column: number): number {
    return ROWS + column * COLUMN_CELLS + row * ROW_CELLS;
  }

  load(cell: number): number {
    if (cell < ROWS) return this.#gates[cell]!;
    return this.#column(cell)[(cell - ROWS) % COLUMN_CELLS]!;
  }

  store(cell: number, value: number): void {
    if (cell < ROWS) {
      this.#gates = this.#gates.with(cell, value);
      return;
    }
    const at = (cell - ROWS) % COLUMN_CELLS;
    if (at % ROW_CELLS === TIME_OFFSET) return;
    const column = Math.floor((cell - ROWS) / COLUMN_CELLS);
    const changed = this.#column(cell).with(at, value);
    if (column < this.#lanes.length) this.#lanes[column] = changed;
    else this.#own = changed;
  }

  add(cell: number, by: number): number {
    const before = this.load(cell);
    this.store(cell, before + by);
    return before;
  }

  /** The world with these cells. */
  in(world: World): World {
    const lanes = world.lanes.map((lane, index) =>
      lane.cells === this.#lanes[index] ? lane : { ...lane, cells: this.#lanes[index]! },
    );
    return { ...world, gates: this.#gates, own: this.#own, lanes };
  }

  #column(cell: number): readonly number[] {
    return this.#lanes[Math.floor((cell - ROWS) / COLUMN_CELLS)] ?? this.#own;
  }
}
