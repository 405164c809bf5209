import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Board, RowAllocator } from './index.ts';

let folder: string;
let board: Board;
let rows: RowAllocator;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-rows-'));
  board = Board.create(join(folder, 'board'), { rows: 2, columns: 2 });
  rows = new RowAllocator(board);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('each row is given once, and a full board says so', () => {
  expect(new Set([rows.take(), rows.take()])).toEqual(new Set([0, 1]));
  expect(() => rows.take()).toThrow('in use');
});

test('a retired row waits until every live worker has a table without it', () => {
  rows.take();
  const row = rows.take();
  rows.acknowledged(1, 4);
  rows.acknowledged(2, 5);
  rows.retire(row, 5);
  expect(() => rows.take()).toThrow('in use');
  rows.acknowledged(1, 5);
  expect(rows.take()).toBe(row);
});

test('a dead worker is not waited for', () => {
  rows.take();
  const row = rows.take();
  rows.acknowledged(1, 4);
  rows.retire(row, 5);
  rows.workerGone(1);
  expect(rows.take()).toBe(row);
});

test('a retired row waits until nothing is counted on it, and comes back as zeros', () => {
  rows.take();
  const row = rows.take();
  board.openGate(row, 1);
  board.column(1).enter(row, 1);
  rows.retire(row, 5);
  expect(() => rows.take()).toThrow('in use');
  board.column(1).end(row, 77);
  expect(rows.take()).toBe(row);
  expect(board.totals(row, 100)).toMatchObject({ inFlight: 0, held: 0, ends: 0, quietForMs: null });
  expect(board.gate(row)).toBe(0);
});

test('a row in use can be adopted as it is, once', () => {
  board.openGate(1, 9);
  rows.adopt(1);
  expect(board.gate(1)).toBe(9);
  expect(rows.take()).toBe(0);
  expect(() => rows.adopt(1)).toThrow('in use already');
  expect(() => rows.retire(0, 1)).not.toThrow();
});
