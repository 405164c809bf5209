import { describe, expect, test } from 'bun:test';
import { distribute } from './distribution.ts';

const over = (count: number, ...percents: number[]): number[] => [
  ...distribute(
    percents.map((percent, at) => ({ revision: at + 1, percent })),
    count,
  ).values(),
];

describe('each revision gets its percentage of the instances, rounded up, and at least one', () => {
  const cases: [number, number[], number[]][] = [
    [10, [90, 10], [9, 1]],
    [3, [90, 10], [3, 1]],
    [4, [50, 50], [2, 2]],
    [1, [100], [1]],
    [29, [100], [29]],
    [1, [99, 1], [1, 1]],
  ];
  for (const [count, percents, expected] of cases) {
    test(`${count} over ${percents.join(' and ')} %: ${expected.join(' and ')}`, () => {
      expect(over(count, ...percents)).toEqual(expected);
    });
  }
});
