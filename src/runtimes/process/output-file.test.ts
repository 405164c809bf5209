import { afterAll, beforeEach, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { OUTPUT_KEPT_BYTES, OUTPUT_LINE_BYTES_MAX, OUTPUT_STAMPS_MAX } from './limits.ts';
import { OutputFile, type OutputLine } from './output-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'luma-output-'));
const path = join(folder, 'stdout.log');
const LATER = 4_000_000_000_000;
let file: OutputFile;

beforeEach(() => {
  rmSync(path, { force: true });
  rmSync(`${path}.times`, { force: true });
  file = new OutputFile(path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Appends, and lets the file look as if that had happened at this time. */
function write(text: string | Uint8Array, at = 1_000): number {
  appendFileSync(path, text);
  utimesSync(path, at / 1000, at / 1000);
  return file.look(LATER);
}

const linesOf = (of: OutputFile = file, from = of.start): Promise<OutputLine[]> =>
  Array.fromAsync(of.lines(from));
const textsOf = async (of: OutputFile = file): Promise<string[]> =>
  (await linesOf(of)).map((line) => line.text);

test('a stream without output has no lines', async () => {
  expect(file.look(1)).toBe(0);
  expect(await linesOf()).toEqual([]);
  expect(await file.lastLinesStart(5)).toBe(0);
});

test('lines have the time at which they were written, also for the next Luma', async () => {
  expect(write('one\ntwo\n', 1_000)).toBe(8);
  expect(write('three\n', 2_000)).toBe(6);
  const expected = [
    { at: 1_000, text: 'one' },
    { at: 1_000, text: 'two' },
    { at: 2_000, text: 'three' },
  ];
  expect(await linesOf()).toMatchObject(expected);
  expect(await linesOf(new OutputFile(path))).toMatchObject(expected);
});

test('what was written while no Luma ran is as old as the last of it, and never in the future', async () => {
  write('seen\n', 1_000);
  appendFileSync(path, 'unseen\n');
  utimesSync(path, 5, 5);
  const next = new OutputFile(path);
  next.look(9_000);
  expect(await linesOf(next)).toMatchObject([{ at: 1_000 }, { at: 5_000, text: 'unseen' }]);
  appendFileSync(path, 'by a clock that runs ahead\n');
  utimesSync(path, LATER, LATER);
  next.look(9_500);
  expect((await linesOf(next)).at(-1)?.at).toBe(9_500);
});

test('times never go back, even when the clock does', async () => {
  write('first\n', 5_000);
  write('second\n', 4_000);
  expect((await linesOf()).map((line) => line.at)).toEqual([5_000, 5_000]);
});

test('a line whose end is not written yet is told as such, once it is whole not again', async () => {
  write('whole\npart');
  expect(await linesOf()).toMatchObject([{ isWhole: true }, { text: 'part', isWhole: false }]);
  const afterWhole = (await linesOf())[0]!.end;
  write('ly\n');
  expect(await linesOf(file, afterWhole)).toMatchObject([{ text: 'partly', isWhole: true }]);
});

test('an open line is closed when its app has ended', async () => {
  write('no newline');
  file.endLine(LATER);
  file.endLine(LATER);
  write('next run\n');
  expect(await textsOf()).toEqual(['no newline', 'next run']);
});

test('whatever is printed, however it is cut, comes back line by line', async () => {
  const texts = fc.array(
    fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replace(/[\n\r]/g, ' ')),
  );
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 17 }), fc.nat(20), async (lines, pieceBytes, tail) => {
      writeFileSync(path, '');
      file.look(LATER);
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      for (let at = 0; at < bytes.length; at += pieceBytes) write(bytes.subarray(at, at + pieceBytes));
      expect(await textsOf()).toEqual(lines);
      const last = await linesOf(file, await file.lastLinesStart(tail));
      expect(last.map((line) => line.text)).toEqual(tail === 0 ? [] : lines.slice(-tail));
    }),
    { numRuns: 50 },
  );
});

test('a line longer than the limit is told as several, cut between characters', async () => {
  const long = 'ü'.repeat(OUTPUT_LINE_BYTES_MAX);
  write(`x${long}\nshort\n`);
  const texts = await textsOf();
  expect(texts.length).toBe(4);
  expect(texts.slice(0, 3).join('')).toBe(`x${long}`);
  expect(texts[3]).toBe('short');
  write(`${'y'.repeat(OUTPUT_LINE_BYTES_MAX)}\n`);
  expect((await textsOf()).at(-1)?.length).toBe(OUTPUT_LINE_BYTES_MAX);
});

test('the last lines are found across the borders of what is read at once', async () => {
  const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n}`);
  write(`${lines.join('\n')}\n`);
  for (const count of [1, 2, 6_000, 29_999, 30_000, 50_000]) {
    const last = await linesOf(file, await file.lastLinesStart(count));
    expect(last.map((line) => line.text)).toEqual(lines.slice(-count));
  }
});

test('old output is freed, and what is left begins with a whole line', async () => {
  const line = `${'z'.repeat(999)}\n`;
  const lineCount = Math.ceil((2 * OUTPUT_KEPT_BYTES) / 1_000) + 1;
  write(line.repeat(lineCount), 1_000);
  write('after\n', 2_000);
  const texts = await textsOf();
  expect(texts.at(-1)).toBe('after');
  expect(new Set(texts.slice(0, -1).map((text) => text.length))).toEqual(new Set([999]));
  expect(texts.length).toBeLessThan(lineCount);
  expect(texts.length * 1_000).toBeGreaterThan(OUTPUT_KEPT_BYTES - 5_000);
  expect(statSync(path).blocks * 512).toBeLessThan(2 * OUTPUT_KEPT_BYTES);
  expect(await textsOf(new OutputFile(path))).toEqual(texts);
});

test('a file that its app has truncated begins anew', async () => {
  write('old old old\n', 1_000);
  truncateSync(path, 0);
  write('new\n', 2_000);
  expect(await linesOf()).toMatchObject([{ at: 2_000, text: 'new' }]);
  expect(await linesOf(new OutputFile(path))).toMatchObject([{ at: 2_000, text: 'new' }]);
});

test('times are thinned out, never lines', async () => {
  writeFileSync(path, '');
  for (let n = 0; n <= OUTPUT_STAMPS_MAX; n++) write(`${n}\n`, 1_000 + n);
  const lines = await linesOf();
  expect(lines.map((line) => line.text)).toEqual(
    Array.from({ length: OUTPUT_STAMPS_MAX + 1 }, (_, n) => String(n)),
  );
  expect(lines.at(-1)?.at).toBe(1_000 + OUTPUT_STAMPS_MAX);
  // The older half: at most one step late.
  for (const [n, { at }] of lines.entries()) expect(at - (1_000 + n)).toBeOneOf([0, 1]);
  expect(readFileSync(`${path}.times`, 'utf8').split('\n').length).toBeLessThan(OUTPUT_STAMPS_MAX);
});

test('times that a crash has torn are noted again', async () => {
  write('one\n', 1_000);
  appendFileSync(path, 'two\n');
  appendFileSync(`${path}.times`, '8 20');
  utimesSync(path, 3, 3);
  const next = new OutputFile(path);
  next.look(LATER);
  expect(await linesOf(next)).toMatchObject([{ at: 1_000 }, { at: 3_000, text: 'two' }]);
  expect(await linesOf(new OutputFile(path))).toMatchObject([{ at: 1_000 }, { at: 3_000 }]);
});
