/**
 * The board: counters shared by the daemon and its workers through one memory-mapped file.
 * The daemon owns the file, the gates and the rows; each worker owns the cells of its column.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync } from 'node:fs';
import { assert, LumaError } from '../../base/errors.ts';
import { BoardColumn } from './board-column.ts';
import type { Cells } from './cells.ts';
import { BoardLayout, ENDED_AT, ENDS, HEADER_CELLS, HELD, IN_FLIGHT, QUIET, SharedCells } from './cells.ts';
import { bootMark } from './machine-clock.ts';
import type { RowReading } from './reading.ts';
import { beginReading, readingStep, sinceStampMs } from './reading.ts';

export interface RowTotals {
  readonly inFlight: number;
  readonly held: number;
  /** Modulo 2^32: only equality means anything. */
  readonly ends: number;
  /** Milliseconds since the end of the last exchange; null before the first. */
  readonly quietForMs: number | null;
}

const MAGIC = 0x4c756d61;
const VERSION = 3;
const Header = { magic: 0, version: 1, rows: 2, columns: 3, boot: 4 } as const;
const ROW = [IN_FLIGHT, HELD, ENDS, ENDED_AT, QUIET] as const;
const ROWS_MAX = 1_000_000;
const COLUMNS_MAX = 1024;

export class Board {
  readonly #cells: SharedCells;
  readonly #layout: BoardLayout;

  private constructor(cells: Int32Array, layout: BoardLayout) {
    this.#cells = new SharedCells(cells);
    this.#layout = layout;
  }

  /** A board of zeros: every gate closed. Replaces the file; processes that have the old one mapped keep that. */
  static create(path: string, size: { rows: number; columns: number }): Board {
    const { rows, columns } = size;
    assert(Number.isInteger(rows) && rows > 0 && rows <= ROWS_MAX, `a board cannot have ${rows} rows`);
    assert(Number.isInteger(columns) && columns > 0 && columns <= COLUMNS_MAX, `nor ${columns} columns`);
    const layout = new BoardLayout(rows, columns);
    // Never truncate a mapped file: who touches a page beyond the new end dies of SIGBUS.
    const unfinished = `${path}.new`;
    const file = openSync(unfinished, 'w', 0o600);
    ftruncateSync(file, layout.cellCount * Int32Array.BYTES_PER_ELEMENT);
    closeSync(file);
    const cells = mapCells(unfinished);
    cells.set([MAGIC, VERSION, rows, columns, bootMark()]);
    renameSync(unfinished, path);
    return new Board(cells, layout);
  }

  /** The board another process made. Rejects one of another version or from before a reboot of the machine. */
  static open(path: string): Board {
    const layout = readLayout(path);
    return new Board(mapCells(path), layout);
  }

  get rows(): number {
    return this.#layout.rows;
  }

  get columns(): number {
    return this.#layout.columns;
  }

  /** For the one process that owns this column. */
  column(index: number): BoardColumn {
    return new BoardColumn(this.#cells, this.#layout, index);
  }

  /** 0: closed. Otherwise the generation a worker's route table must have. */
  gate(row: number): number {
    return this.#cells.load(this.#gateCell(row));
  }

  /** Opens for workers whose table is of this generation or newer. Announce it afterwards, each time. */
  openGate(row: number, generation: number): void {
    assert((generation | 0) !== 0, 'generation 0 means a closed gate');
    this.#cells.store(this.#gateCell(row), generation | 0);
  }

  closeGate(row: number): void {
    this.#cells.store(this.#gateCell(row), 0);
  }

  /** Other than at the last look: some row may count otherwise since then. Modulo 2^32; taken before the rows are read. */
  stirs(): number {
    let sum = 0;
    for (let column = 0; column < this.columns; column++)
      sum += this.#cells.load(this.#layout.stirCell(column));
    return sum >>> 0;
  }

  /** Reads one row in the order that a fence needs (reading.ts says why). */
  totals(row: number, nowMs: number): RowTotals {
    assert(row >= 0 && row < this.rows, `the board has no row ${row}`);
    const reading: RowReading = beginReading();
    while (reading.part !== 'done') readingStep(reading, this.#cells, this.#layout, row, nowMs);
    return reading;
  }

  /**
   * Takes over what a dead worker left, so that sums do not change: its ends go to `into` (the daemon's own column, or one
   * that nobody uses), what it had in flight ended with it now, and what it held is gone. Only once its process
   * is known to be dead: a living owner would go on counting.
   */
  foldColumn(from: number, into: number, nowMs: number): void {
    assert(from !== into, 'a column cannot be folded into itself');
    for (let row = 0; row < this.rows; row++) {
      foldRow(this.#cells, this.#layout.rowCell(row, from), this.#layout.rowCell(row, into), nowMs);
    }
    this.#cells.add(this.#layout.stirCell(into), 1);
  }

  /** Something is in flight or held in some column: a quick look, for a whole board. */
  isCountedOn(row: number): boolean {
    for (let column = 0; column < this.columns; column++) {
      const at = this.#layout.rowCell(row, column);
      if (this.#cells.load(at + IN_FLIGHT) !== 0 || this.#cells.load(at + HELD) !== 0) return true;
    }
    return false;
  }

  /** Nothing in flight and nothing held in any column. */
  rowIsQuiet(row: number): boolean {
    const { inFlight, held } = this.totals(row, 0);
    return inFlight === 0 && held === 0;
  }

  /** Back to zeros, for its next user. Only a row that no worker's table names any more. */
  clearRow(row: number): void {
    this.closeGate(row);
    for (let column = 0; column < this.columns; column++) {
      const at = this.#layout.rowCell(row, column);
      for (const cell of ROW) this.#cells.store(at + cell, 0);
    }
  }

  /** Lets go of the file's memory: this board and its columns throw from now on. The file stays. */
  close(): void {
    this.#cells.release();
  }

  #gateCell(row: number): number {
    assert(row >= 0 && row < this.rows, `the board has no row ${row}`);
    return this.#layout.gateCell(row);
  }
}

function foldRow(cells: Cells, from: number, into: number, nowMs: number): void {
  // A quiet exchange ends without an end, also by the death of its worker.
  const inFlight = cells.load(from + IN_FLIGHT) - cells.load(from + QUIET);
  const ends = cells.load(from + ENDS) + Math.max(0, inFlight);
  if (ends !== 0) {
    const stamp = inFlight > 0 ? nowMs | 0 || 1 : cells.load(from + ENDED_AT);
    const known = cells.load(into + ENDED_AT);
    const isLater = known === 0 || sinceStampMs(nowMs, stamp) < sinceStampMs(nowMs, known);
    if (isLater) cells.store(into + ENDED_AT, stamp);
    cells.add(into + ENDS, ends);
  }
  for (const cell of ROW) cells.store(from + cell, 0);
}

function mapCells(path: string): Int32Array {
  return new Int32Array(Bun.mmap(path, { shared: true }).buffer);
}

function readLayout(path: string): BoardLayout {
  const header = new Int32Array(HEADER_CELLS);
  const file = openSync(path, 'r');
  readSync(file, header, 0, header.byteLength, 0);
  const sizeBytes = fstatSync(file).size;
  closeSync(file);
  const layout = new BoardLayout(header[Header.rows]!, header[Header.columns]!);
  const isWhole = sizeBytes === layout.cellCount * Int32Array.BYTES_PER_ELEMENT;
  if (header[Header.magic] !== MAGIC || header[Header.version] !== VERSION || !isWhole) {
    throw new LumaError('board_unreadable', `${path} is not a board of this version of luma-proxy`, {
      hint: 'delete the file and restart luma-proxy',
    });
  }
  if (header[Header.boot] !== bootMark()) {
    throw new LumaError('board_stale', `${path} is from before the machine was restarted`, {
      hint: 'delete the file and restart luma-proxy',
    });
  }
  return layout;
}
