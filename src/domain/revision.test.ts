import { expect, test } from 'bun:test';
import { revisionsToForget } from './revision.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test('ten revisions are kept, and the eleventh oldest goes', () => {
  expect(revisionsToForget(upTo(10), [10])).toEqual([]);
  expect(revisionsToForget(upTo(11), [11])).toEqual([1]);
  expect(revisionsToForget(upTo(13), [13])).toEqual([1, 2, 3]);
});

test('what gets traffic is kept, however old', () => {
  expect(revisionsToForget(upTo(13), [13, 2])).toEqual([1, 3]);
});
