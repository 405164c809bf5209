import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../base/manual-clock.ts';
import { Board, RowAllocator } from '../../edge/board/index.ts';
import { DRAIN_PERIOD_MS } from '../limits.ts';
import { DrainWatch } from './drain-watch.ts';

let folder: string;
let board: Board;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-drains-'));
  board = Board.create(join(folder, 'board'), { rows: 4, columns: 2 });
  clock = new ManualClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const gone = (): boolean => false;

describe('what runs on a target that left under an earlier daemon', () => {
  test('is waited for by whoever asks whether its target is drained, and keeps its row', async () => {
    board.openGate(2, 1);
    board.column(1).enter(2, 1);
    const rows = new RowAllocator(board);
    const drains = new DrainWatch(board, rows, clock, () => 0);
    drains.inherit(rows.adoptCounted(), 7);
    const taken = [rows.take(), rows.take(), rows.take()];
    expect(taken).not.toContain(2);
    const answers: boolean[] = [];
    void drains.drained('app', 'i-1', 60_000, gone).then((isDrained) => answers.push(isDrained));
    await clock.advance(10 * DRAIN_PERIOD_MS);
    expect(answers).toEqual([]);
    board.column(1).end(2, 5);
    await clock.advance(DRAIN_PERIOD_MS);
    expect(answers).toEqual([true]);
    drains.close();
  });

  test('is nobody’s where nothing is counted: a target that nobody knows is drained', async () => {
    const rows = new RowAllocator(board);
    const drains = new DrainWatch(board, rows, clock, () => 0);
    drains.inherit(rows.adoptCounted(), 7);
    expect(await drains.drained('app', 'i-1', 60_000, gone)).toBe(true);
  });
});
