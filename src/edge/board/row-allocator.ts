/**
 * Which rows of the board are in use. A row is reused only after every live worker has acknowledged a route table
 * without it and nothing is counted on it any more: until then somebody may still add to it. Owned by the daemon.
 */
import { assert, LumaError } from '../../base/errors.ts';
import type { Board } from './board.ts';

interface RetiredRow {
  readonly row: number;
  /** The first generation of the route table without it. */
  readonly generation: number;
}

export class RowAllocator {
  readonly #board: Board;
  readonly #free: number[] = [];
  readonly #taken = new Set<number>();
  #retired: RetiredRow[] = [];
  /** Generation that each live worker has acknowledged. */
  readonly #workers = new Map<number, number>();

  constructor(board: Board) {
    this.#board = board;
    for (let row = board.rows - 1; row >= 0; row--) this.#free.push(row);
  }

  /** A row of zeros, its gate closed. Throws `board_full`. */
  take(): number {
    if (this.#free.length === 0) this.#reclaim();
    const row = this.#free.pop();
    if (row === undefined) {
      throw new LumaError('board_full', `all ${this.#board.rows} rows of the board are in use`, {
        hint: 'remove services, or start luma-proxy with more rows',
      });
    }
    this.#taken.add(row);
    return row;
  }

  /** Takes exactly this row, as it is: for a board taken over from the workers of a dead daemon. */
  adopt(row: number): void {
    const at = this.#free.indexOf(row);
    assert(at >= 0, `row ${row} is in use already`);
    this.#free.splice(at, 1);
    this.#taken.add(row);
  }

  /** Takes what is counted on though no table names it any more: exchanges on targets that left under an earlier daemon. */
  adoptCounted(): readonly number[] {
    const counted = this.#free.filter((row) => this.#board.isCountedOn(row));
    for (const row of counted) this.adopt(row);
    return counted;
  }

  /** The route table of `generation` is the first without this row. */
  retire(row: number, generation: number): void {
    assert(this.#taken.delete(row), `row ${row} is not in use`);
    this.#retired.push({ row, generation });
  }

  /** A worker has (or begins with) the table of this generation. Called at least when it registers. */
  acknowledged(worker: number, generation: number): void {
    this.#workers.set(worker, generation);
  }

  /** Its process is dead and its column folded: nobody waits for its acknowledgement. */
  workerGone(worker: number): void {
    this.#workers.delete(worker);
  }

  get takenCount(): number {
    return this.#taken.size;
  }

  #reclaim(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const generation of this.#workers.values()) oldest = Math.min(oldest, generation);
    this.#retired = this.#retired.filter(({ row, generation }) => {
      if (generation > oldest || !this.#board.rowIsQuiet(row)) return true;
      this.#board.clearRow(row);
      this.#free.push(row);
      return false;
    });
  }
}
