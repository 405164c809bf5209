import { expect, test } from 'bun:test';
import { KeptLines } from './kept-lines.ts';
import { limits } from './limits.ts';

const line = (at: number, text = `line ${at}`) => ({ at, stream: 'stdout' as const, text });
const lines = (count: number) => Array.from({ length: count }, (_, at) => line(at));

test('of a removed instance the last lines stay, as many as asked for, from when asked for', () => {
  const kept = new KeptLines();
  kept.keep('i-1', lines(5));
  expect(kept.read('i-1', {})?.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4]);
  expect(kept.read('i-1', { tail: 2 })?.map(({ at }) => at)).toEqual([3, 4]);
  expect(kept.read('i-1', { tail: 0 })).toEqual([]);
  expect(kept.read('i-1', { since: 3 })?.map(({ at }) => at)).toEqual([3, 4]);
  expect(kept.read('i-2', {})).toBeNull();
});

test('lines, characters and instances are bounded, and the newest are the ones that stay', () => {
  const kept = new KeptLines();
  kept.keep('many', lines(limits.keptLines + 1));
  expect(kept.read('many', {})?.length).toBe(limits.keptLines);
  expect(kept.read('many', {})?.[0]?.at).toBe(1);

  const half = 'x'.repeat(limits.keptCharacters / 2);
  kept.keep('wide', [line(0, half), line(1, half)]);
  expect(kept.read('wide', {})?.length).toBe(2);
  kept.keep('wider', [line(0, half), line(1, half), line(2, 'x')]);
  expect(kept.read('wider', {})?.map(({ at }) => at)).toEqual([1, 2]);

  for (let n = 0; n < limits.keptInstances; n++) kept.keep(`i-${n}`, lines(1));
  expect(kept.read('wider', {})).toBeNull();
  expect(kept.read('i-0', {})).not.toBeNull();
});
