import { expect, test } from 'bun:test';
import { ManualClock } from '../../base/manual-clock.ts';
import { NOWHERE } from '../../base/roster.ts';
import { DeadlineSweep } from '../sockets/deadline-sweep.ts';
import { DateLine } from './date-line.ts';

test('tells the second in the form of RFC 9110 §5.6.7, and goes on with the clock', async () => {
  const clock = new ManualClock();
  const sweep = new DeadlineSweep(clock, 100, () => {});
  sweep.add({ dueMs: Number.POSITIVE_INFINITY, sweepPlace: NOWHERE, onDeadline: () => {} });
  const date = new DateLine(clock, sweep);
  const first = date.line();
  expect(first).toMatch(/^Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n$/);
  const secondOf = (line: string): number => Date.parse(line.slice(6)) / 1000;
  await clock.advance(1_000);
  expect(secondOf(date.line()) - secondOf(first)).toBe(1);
});
