/**
 * The board's file: in memory where the system has a place for that, without a name, so nothing is left behind.
 * Owns the descriptor that workers inherit.
 */
import { accessSync, closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { randomId } from '../../base/random-id.ts';
import { Board } from '../../edge/board/index.ts';

/** Pages of a file on a disk are written back, and a counter would have to wait for that now and then. */
const MEMORY_DIR = '/dev/shm';

export interface SharedBoard {
  readonly board: Board;
  readonly fd: number;
}

export function makeSharedBoard(stateDir: string, size: { rows: number; columns: number }): SharedBoard {
  const path = join(isWritable(MEMORY_DIR) ? MEMORY_DIR : stateDir, `luma-proxy-board-${randomId(16)}`);
  try {
    const board = Board.create(path, size);
    return { board, fd: openSync(path, 'r+') };
  } finally {
    unlinkSync(path);
  }
}

/** One that was inherited or handed over. Throws as Board.open does. */
export function openSharedBoard(fd: number): SharedBoard {
  return { board: Board.open(`/proc/self/fd/${fd}`), fd };
}

export function closeSharedBoard({ fd }: SharedBoard): void {
  closeSync(fd);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
