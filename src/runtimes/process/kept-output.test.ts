import { afterAll, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogLine } from '../contract.ts';
import { KeptOutput } from './kept-output.ts';
import { KEPT_LINE_CHARACTERS_MAX, KEPT_OUTPUTS_MAX } from './limits.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'luma-kept-')), 'removed');
const kept = new KeptOutput(folder);
afterAll(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const line = (at: number, text: string): LogLine => ({ at, stream: 'stderr', text });

test('the last lines of a removed instance are told as they were', () => {
  const lines = [line(1, 'one'), line(2, 'two "quoted" ü'), line(3, '')];
  kept.keep('i-1', lines);
  expect(kept.read('i-1', {})).toEqual(lines);
  expect(kept.read('i-1', { tail: 1 })).toEqual(lines.slice(2));
  expect(kept.read('i-1', { tail: 0 })).toEqual([]);
  expect(kept.read('i-1', { since: 2 })).toEqual(lines.slice(1));
  expect(kept.read('i-2', {})).toBeNull();
});

test('a line that a crash has torn is left out', () => {
  kept.keep('i-torn', [line(1, 'whole')]);
  appendFileSync(join(folder, 'i-torn.jsonl'), '{"at":2,"stream":"std');
  expect(kept.read('i-torn', {})).toEqual([line(1, 'whole')]);
});

test('long lines are cut', () => {
  kept.keep('i-long', [line(1, 'x'.repeat(KEPT_LINE_CHARACTERS_MAX + 1))]);
  expect(kept.read('i-long', {})?.[0]?.text.length).toBe(KEPT_LINE_CHARACTERS_MAX);
});

test('only the newest removed instances are remembered', () => {
  const crowd = new KeptOutput(join(folder, '..', 'crowd'));
  for (let n = 0; n < KEPT_OUTPUTS_MAX; n++) {
    crowd.keep(`i-${n}`, [line(n, 'x')]);
    utimesSync(join(folder, '..', 'crowd', `i-${n}.jsonl`), 1_000 + n, 1_000 + n);
  }
  expect(crowd.read('i-0', {})).not.toBeNull();
  crowd.keep('i-last', [line(1, 'x')]);
  expect(readdirSync(join(folder, '..', 'crowd')).length).toBe(KEPT_OUTPUTS_MAX);
  expect(crowd.read('i-0', {})).toBeNull();
  expect(crowd.read('i-1', {})).not.toBeNull();
  expect(crowd.read('i-last', {})).not.toBeNull();
});
