/**
 * Where each number of the board lies, and the only three operations anybody does on them, each one atomic.
 * Admission and the reading of a fence are written against `Cells`, so a model can run them on its own memory.
 * The gate cells are written by the daemon alone; a column by the one process that owns it.
 * Each column begins with its stirs: a number raised after every change of its rows' counts, so that who looks at all rows again and
 * again knows when nothing can have changed. A reader takes the stirs first, then the rows: what it misses there stirs later.
 */

export interface Cells {
  load(cell: number): number;
  store(cell: number, value: number): void;
  /** Returns what the cell held before. */
  add(cell: number, by: number): number;
}

/** Offsets within one row of one column. */
export const IN_FLIGHT = 0;
export const HELD = 1;
export const ENDS = 2;
export const ENDED_AT = 3;
/** Those in flight that are quiet: they hold a fence off as all do, and are no reason to let more of them in. */
export const QUIET = 4;
export const ROW_CELLS = 5;

/** Cells before the gates: magic, version, rows, columns, boot. */
export const HEADER_CELLS = 16;
/** 64 bytes: regions begin on a cache line, so that no two writers share one. */
const LINE_CELLS = 16;

/** Where the cells of rows and columns are; all that reading a row needs to know. */
export interface RowAddresses {
  readonly columns: number;
  rowCell(row: number, column: number): number;
}

export class BoardLayout implements RowAddresses {
  /** First cell of the first column. */
  readonly #columnsAt: number;
  readonly #columnCells: number;
  readonly cellCount: number;

  constructor(
    readonly rows: number,
    readonly columns: number,
  ) {
    this.#columnsAt = HEADER_CELLS + wholeLines(rows);
    this.#columnCells = LINE_CELLS + wholeLines(rows * ROW_CELLS);
    this.cellCount = this.#columnsAt + columns * this.#columnCells;
  }

  gateCell(row: number): number {
    return HEADER_CELLS + row;
  }

  stirCell(column: number): number {
    return this.#columnsAt + column * this.#columnCells;
  }

  /** First cell of this row in this column; the offsets above are added to it. */
  rowCell(row: number, column: number): number {
    return this.stirCell(column) + LINE_CELLS + row * ROW_CELLS;
  }
}

/** The cells of a mapped file, shared by processes. */
export class SharedCells implements Cells {
  #cells: Int32Array;

  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  load(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  store(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value);
  }

  add(cell: number, by: number): number {
    return Atomics.add(this.#cells, cell, by);
  }

  /** Lets the mapping go; any use afterwards throws a RangeError. */
  release(): void {
    this.#cells = new Int32Array(0);
  }
}

function wholeLines(cells: number): number {
  return Math.ceil(cells / LINE_CELLS) * LINE_CELLS;
}
