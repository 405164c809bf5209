import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/manual-clock.ts';
import { LineFile } from './line-file.ts';

let folder: string;
let path: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'luma-lines-'));
  path = join(folder, 'access.log');
  clock = new ManualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

const linesOf = (file = path): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const open = (more: object = {}): LineFile => new LineFile({ path, clock, log: silentLog, ...more });

test('lines are gathered, and written as a batch when the first has waited long enough', async () => {
  const file = open();
  for (let count = 0; count < 1_000; count++) file.append(`line ${count}\n`);
  expect(linesOf()).toEqual([]);
  await clock.advance(250);
  await file.close();
  expect(linesOf()).toHaveLength(1_000);
  expect(linesOf()[999]).toBe('line 999');
});

test('what waits at the end is written before the file is let go', async () => {
  const file = open();
  file.append('last\n');
  await file.close();
  file.append('late\n');
  await clock.advance(1_000);
  expect([linesOf(), file.droppedCount]).toEqual([['last'], 1]);
});

test('beyond its bound lines are dropped and counted, never waited for', async () => {
  const file = open({ waitingBytesMax: 20 });
  for (const line of ['0123456789\n', '0\n', '0123456789\n', '1\n']) file.append(line);
  expect(file.droppedCount).toBe(1);
  await file.close();
  expect(linesOf()).toEqual(['0123456789', '0', '1']);
});

test('a file that was renamed is opened anew under its name', async () => {
  const file = open();
  file.append('before\n');
  await clock.advance(250);
  await file.close();
  const again = open();
  renameSync(path, `${path}.1`);
  again.append('after\n');
  await again.close();
  expect([linesOf(`${path}.1`), linesOf()]).toEqual([['before'], ['after']]);
});

test('two writers of one file never mix their lines', async () => {
  const files = [open(), open()];
  for (let count = 0; count < 5_000; count++) files[count % 2]?.append(`${'x'.repeat(200)} ${count}\n`);
  await Promise.all(files.map((file) => file.close()));
  expect(linesOf()).toHaveLength(5_000);
  expect(linesOf().every((line) => /^x{200} \d+$/.test(line))).toBe(true);
});

test('lines that the system does not take are counted as dropped', async () => {
  const file = open();
  rmSync(folder, { recursive: true });
  file.append('lost\n');
  await file.close();
  expect(file.droppedCount).toBe(1);
  folder = mkdtempSync(join(tmpdir(), 'luma-lines-'));
});

test('a place that cannot be written to is an error that names it', () => {
  expect(() => open({ path: join(folder, 'no', 'such', 'place') })).toThrow('no/such/place');
});
