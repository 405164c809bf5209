import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Board, machineNowMs } from './index.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-board-'));
  path = join(folder, 'board');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const size = { rows: 5, columns: 3 };

describe('a board', () => {
  test('begins with zeros and closed gates, readable by its owner alone', () => {
    const board = Board.create(path, size);
    expect(board.totals(4, 1)).toMatchObject({ inFlight: 0, held: 0, ends: 0, quietForMs: null });
    expect(board.gate(4)).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is the same memory for everybody who opens it', () => {
    const board = Board.create(path, size);
    const other = Board.open(path);
    expect([other.rows, other.columns]).toEqual([5, 3]);
    board.openGate(2, 7);
    expect(other.gate(2)).toBe(7);
    expect(other.column(1).enter(2, 7)).toBe('passed');
    expect(board.totals(2, 1).inFlight).toBe(1);
  });

  test('made anew leaves those alone who still have the old one', () => {
    const old = Board.create(path, size);
    old.openGate(0, 1);
    Board.create(path, { rows: 1, columns: 1 });
    expect(old.column(2).enter(4, 1)).toBe('held');
    expect(old.gate(0)).toBe(1);
    expect(Board.open(path).gate(0)).toBe(0);
  });

  test('no two cells of any row, column or gate are the same', () => {
    const board = Board.create(path, size);
    for (let row = 0; row < size.rows; row++) {
      board.openGate(row, 100 + row);
      for (let index = 0; index < size.columns; index++) {
        for (let times = 0; times <= row * 3 + index; times++) board.column(index).enter(row, 200);
        board.column(index).end(row, 1000 + row);
      }
    }
    for (let row = 0; row < size.rows; row++) {
      const entered = 3 * (row * 3) + 0 + 1 + 2 + 3;
      expect(board.gate(row)).toBe(100 + row);
      expect(board.totals(row, 1000 + row)).toMatchObject({ inFlight: entered - 3, ends: 3, quietForMs: 0 });
    }
  });

  test('refuses a file that is no board, too short, or from before a reboot', () => {
    writeFileSync(path, 'hello');
    expect(() => Board.open(path)).toThrow('not a board');
    Board.create(path, size).close();
    const bytes = new Int32Array(Uint8Array.from(readFileSync(path)).buffer);
    bytes[4]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => Board.open(path)).toThrow('restarted');
    writeFileSync(path, bytes.slice(0, 20));
    expect(() => Board.open(path)).toThrow('not a board');
  });

  test('stirs with every change of what rows count, and by nothing else, for everybody who has it', () => {
    const board = Board.create(path, size);
    const column = board.column(1);
    board.openGate(0, 1);
    const changes: (() => unknown)[] = [
      () => column.enter(0, 1),
      () => column.turnBack(0),
      () => column.again(0, 1),
      () => column.end(0, 1),
      () => column.enter(0, 1),
      () => column.takeBack(0),
      () => column.enter(3, 1),
      () => column.leave(3),
      () => column.tryEnterTarget(0, 1),
      () => column.tryEnterLimited(0, 1, 5),
      () => column.tryEnterQuiet(0, 1),
      () => column.endQuiet(0),
      () => board.foldColumn(1, 2, 1),
    ];
    for (const change of changes) {
      const stirs = board.stirs();
      change();
      expect(board.stirs()).not.toBe(stirs);
    }
    const stirs = board.stirs();
    board.closeGate(0);
    expect(column.inFlight(0) + board.totals(0, 1).held).toBe(0);
    expect(Board.open(path).stirs()).toBe(stirs);
  });

  test('closed throws instead of counting into nothing', () => {
    const board = Board.create(path, size);
    const column = board.column(0);
    board.close();
    expect(() => column.enter(0, 1)).toThrow(RangeError);
  });
});

describe('a column', () => {
  test('passes an open gate with a table new enough, and is held otherwise', () => {
    const board = Board.create(path, size);
    const column = board.column(0);
    expect(column.enter(0, 5)).toBe('held');
    board.openGate(0, 6);
    expect(column.again(0, 5)).toBe('held');
    expect(board.totals(0, 1)).toMatchObject({ inFlight: 0, held: 1, ends: 0 });
    expect(column.again(0, 6)).toBe('passed');
    expect(board.totals(0, 1)).toMatchObject({ inFlight: 1, held: 0, ends: 0 });
    expect(column.enter(0, 7)).toBe('passed');
  });

  test('passes across the point where generations go round', () => {
    const board = Board.create(path, size);
    board.openGate(0, 2 ** 31 - 1);
    expect(board.column(0).enter(0, 2 ** 31)).toBe('passed');
    board.openGate(0, 2 ** 31 + 5);
    expect(board.column(0).enter(0, 2 ** 31 - 1)).toBe('held');
  });

  test('a held request that leaves, and one taken back, are no ends', () => {
    const board = Board.create(path, size);
    const column = board.column(0);
    column.enter(0, 1);
    column.leave(0);
    board.openGate(0, 1);
    column.enter(0, 1);
    column.takeBack(0);
    expect(board.totals(0, 1)).toMatchObject({ inFlight: 0, held: 0, ends: 0, quietForMs: null });
  });

  test('a closed target gate leaves nothing behind', () => {
    const board = Board.create(path, size);
    const column = board.column(0);
    expect(column.tryEnterTarget(3, 1)).toBe(false);
    expect(board.totals(3, 1)).toMatchObject({ inFlight: 0, held: 0, ends: 0 });
    board.openGate(3, 1);
    expect(column.tryEnterTarget(3, 1)).toBe(true);
    expect(board.column(1).inFlight(3)).toBe(1);
  });
});

describe('quiet time', () => {
  test('counts from the latest end of any column', () => {
    const board = Board.create(path, size);
    endOne(board, 0, 5_000);
    endOne(board, 1, 3_000);
    expect(board.totals(0, 6_500).quietForMs).toBe(1_500);
  });

  test('goes on where the stamp goes round at 2^32 milliseconds', () => {
    const board = Board.create(path, size);
    endOne(board, 0, 2 ** 32 - 100);
    expect(board.totals(0, 2 ** 32 + 50).quietForMs).toBe(150);
    endOne(board, 0, 2 ** 32);
    expect(board.totals(0, 2 ** 32 + 50).quietForMs).toBeLessThanOrEqual(50);
  });

  test('is nothing, not weeks, when the other process has the newer clock', () => {
    const board = Board.create(path, size);
    endOne(board, 0, 1_000_040);
    expect(board.totals(0, 1_000_000).quietForMs).toBe(0);
  });
});

describe('a dead worker', () => {
  test('leaves its ends to another column, and neither in-flight nor held', () => {
    const board = Board.create(path, size);
    endOne(board, 1, 9_000);
    endOne(board, 2, 8_000);
    board.closeGate(0);
    board.column(1).enter(0, 1);
    board.foldColumn(1, 2, 10_000);
    expect(board.totals(0, 10_000)).toMatchObject({ inFlight: 0, held: 0, ends: 2, quietForMs: 1_000 });
    endOne(board, 1, 10_000);
    expect(board.totals(0, 10_000).ends).toBe(3);
  });

  test('what it had in flight has ended now', () => {
    const board = Board.create(path, size);
    board.openGate(0, 1);
    board.column(1).enter(0, 1);
    board.foldColumn(1, 0, 10_000);
    expect(board.totals(0, 10_500)).toMatchObject({ inFlight: 0, ends: 1, quietForMs: 500 });
  });

  test('a row can be cleared for its next user', () => {
    const board = Board.create(path, size);
    endOne(board, 1, 9_000);
    expect(board.rowIsQuiet(0)).toBe(true);
    board.clearRow(0);
    expect(board.totals(0, 10_000)).toMatchObject({ ends: 0, quietForMs: null });
    expect(board.gate(0)).toBe(0);
  });
});

describe('real processes', () => {
  test('agree on the clock', async () => {
    const before = machineNowMs();
    const door = join(import.meta.dir, 'index.ts');
    const other = Bun.spawn([
      process.execPath,
      '-e',
      `console.log((await import('${door}')).machineNowMs())`,
    ]);
    const theirs = Number(await new Response(other.stdout).text());
    // Each tells whole milliseconds from a start of its own, which is measured to some microseconds.
    expect(theirs).toBeGreaterThanOrEqual(before - 1);
    expect(theirs).toBeLessThanOrEqual(machineNowMs() + 1);
  });

  test('have a clock that goes on once its code is compiled', async () => {
    const before = machineNowMs();
    const startedAtMs = performance.now();
    for (let count = 0; count < 200_000; count++) machineNowMs();
    Bun.gc(true);
    while (performance.now() - startedAtMs < 20) await new Promise<void>((resolve) => setImmediate(resolve));
    const passedMs = performance.now() - startedAtMs;
    expect(Math.abs(machineNowMs() - before - passedMs)).toBeLessThan(10);
  });

  test('never pass a gate that the fencer has read as quiet, and lose no count', async () => {
    const board = Board.create(path, { rows: 3, columns: 4 });
    board.openGate(0, 1);
    board.openGate(1, 1);
    const workers = [0, 1, 2].map((column) =>
      Bun.spawn([process.execPath, join(import.meta.dir, 'hammer.fixture.ts'), path, `${column}`]),
    );
    try {
      await fenceAgainAndAgain(board);
    } finally {
      board.openGate(0, 1);
      board.openGate(2, 1);
    }
    const outputs = await Promise.all(
      workers.map(
        (worker) => new Response(worker.stdout).json() as Promise<{ ended: number; heldCount: number }>,
      ),
    );
    const sum = (of: 'ended' | 'heldCount'): number => outputs.reduce((all, output) => all + output[of], 0);
    expect(sum('ended')).toBeGreaterThan(0);
    expect(sum('heldCount')).toBeGreaterThan(0);
    expect(board.totals(0, 1)).toMatchObject({ inFlight: 0, held: 0, ends: sum('ended') });
    expect(board.totals(1, 1)).toMatchObject({ inFlight: 0, held: 0, ends: sum('ended') });
  }, 120_000);
});

async function fenceAgainAndAgain(board: Board): Promise<void> {
  // A worker that looked before it added would slip through within nanoseconds: many short fences find it.
  for (let granted = 0; granted < 20_000; ) {
    for (let burst = 0; burst < 500; burst++) granted += fenceOnce(board) ? 1 : 0;
    await Bun.sleep(0);
  }
  // And one long one, which somebody must meet.
  board.closeGate(0);
  while (board.totals(0, 1).held === 0) await Bun.sleep(0);
}

/** Whether the gate was closed with nobody inside; then it looks whether anybody comes in all the same. */
function fenceOnce(board: Board): boolean {
  board.closeGate(0);
  const isQuiet = board.totals(0, 1).inFlight === 0;
  if (isQuiet) {
    const before = board.totals(1, 1).ends;
    for (let spin = 0; spin < 50; spin++) board.gate(0);
    const after = board.totals(1, 1);
    if (after.inFlight !== 0 || after.ends !== before) throw new Error('somebody passed a closed gate');
  }
  board.openGate(0, 1);
  return isQuiet;
}

function endOne(board: Board, column: number, nowMs: number): void {
  board.openGate(0, 1);
  board.column(column).enter(0, 1);
  board.column(column).end(0, nowMs);
}

describe('a quiet exchange', () => {
  test('is in flight, and ends without an end and without a stamp', () => {
    const board = Board.create(path, size);
    const column = board.column(0);
    board.openGate(0, 1);
    expect(column.tryEnterQuiet(0, 1)).toBe(true);
    expect(board.totals(0, 5_000)).toMatchObject({ inFlight: 1, held: 0, ends: 0, quietForMs: null });
    column.endQuiet(0);
    expect(board.totals(0, 5_000)).toMatchObject({ inFlight: 0, held: 0, ends: 0, quietForMs: null });
  });

  test('is neither held nor counted where the gate is closed, or asks for a newer table', () => {
    const board = Board.create(path, size);
    expect(board.column(0).tryEnterQuiet(0, 1)).toBe(false);
    board.openGate(0, 2);
    expect(board.column(0).tryEnterQuiet(0, 1)).toBe(false);
    expect(board.rowIsQuiet(0)).toBe(true);
  });

  test('is no use of its service: only others are, and for a while their ends', () => {
    const board = Board.create(path, size);
    const [one, two] = [board.column(0), board.column(1)];
    board.openGate(0, 1);
    one.tryEnterQuiet(0, 1);
    expect(two.isInUse(0, 1_000, 5_000)).toBe(false);
    two.enter(0, 1);
    expect(one.isInUse(0, 1_000, 5_000)).toBe(true);
    two.end(0, 5_000);
    expect(one.isInUse(0, 1_000, 5_999)).toBe(true);
    expect(one.isInUse(0, 1_000, 6_000)).toBe(false);
  });

  test('of a dead worker leaves no end behind, beside those that do', () => {
    const board = Board.create(path, size);
    board.openGate(0, 1);
    board.column(1).tryEnterQuiet(0, 1);
    board.column(1).enter(0, 1);
    board.foldColumn(1, 0, 7_000);
    expect(board.totals(0, 7_000)).toMatchObject({ inFlight: 0, held: 0, ends: 1, quietForMs: 0 });
    expect(board.column(2).isInUse(0, 1, 7_001)).toBe(false);
  });
});
