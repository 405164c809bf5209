import { describe, expect, test } from 'bun:test';
import type { InstanceState } from './instance-state.ts';
import type { Wanted } from './project.ts';
import { projectStatus, type StartFailure } from './project-status.ts';

const failure: StartFailure = { code: 'image_not_found', message: 'no such image', logLines: [], at: 0 };

const cases: [string, Wanted, InstanceState[], StartFailure | null, string][] = [
  ['nothing runs', 'active', [], null, 'idle'],
  ['an instance lies prepared', 'active', ['prepared'], null, 'idle'],
  ['an instance is being prepared', 'active', ['preparing'], null, 'idle'],
  ['an instance starts', 'active', ['starting'], null, 'starting'],
  ['an instance answers', 'active', ['running'], null, 'running'],
  ['a new revision starts beside the one that serves', 'active', ['running', 'starting'], null, 'running'],
  ['the old one stops beside the one that serves', 'active', ['stopping', 'running'], null, 'running'],
  ['it is suspended', 'active', ['frozen'], null, 'frozen'],
  ['it stops', 'active', ['stopping'], null, 'stopping'],
  ['the last start did not work', 'active', ['failed'], failure, 'failed'],
  ['a failed one starts again', 'active', ['starting'], failure, 'starting'],
  ['a person stopped it', 'stopped', ['prepared'], null, 'stopped'],
  ['a person stopped it after a failure', 'stopped', ['failed'], failure, 'stopped'],
  ['a person stops it and exchanges still run', 'stopped', ['running'], null, 'stopping'],
  ['a person stops it during the start', 'stopped', ['starting'], null, 'stopping'],
];

describe('a status follows from what is wanted and what there is', () => {
  for (const [when, wanted, instances, why, expected] of cases) {
    test(`${when}: ${expected}`, () => {
      expect(projectStatus(wanted, instances, why).name).toBe(expected as never);
    });
  }
});

test('a failure stays visible until a restart has answered', () => {
  expect(projectStatus('active', ['running'], failure)).toEqual({ name: 'running', failure });
});

test('a failure is not shown while it is being tried again', () => {
  expect(projectStatus('active', ['starting'], failure).failure).toBeNull();
});
