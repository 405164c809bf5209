import { expect, test } from 'bun:test';
import type { ContainerInspectInfo } from 'dockerode';
import { connectionOf } from './cut-off.ts';

const at = (StartedAt: string, Status = 'running') =>
  ({ State: { StartedAt, Status } }) as unknown as ContainerInspectInfo;
const early = '2026-01-02T03:04:05.100000000Z';
const late = '2026-01-02T03:04:05.900000000Z';

test('an instance that started in its sandbox is joined, also while that is paused by hand', () => {
  expect(connectionOf(at(late), at(early))).toBe('joined');
  expect(connectionOf(at(late), at(early, 'paused'))).toBe('joined');
});

test('an instance without a sandbox, or with one that ended, is cut off', () => {
  expect(connectionOf(at(late), null)).toBe('cut-off');
  expect(connectionOf(at(late), at(early, 'exited'))).toBe('cut-off');
  expect(connectionOf(at(late), at(early, 'created'))).toBe('cut-off');
});

test('an instance older than its sandbox is suspected: a clock that was set back looks the same', () => {
  expect(connectionOf(at(early), at(late))).toBe('suspected');
});
