import { expect, test } from 'bun:test';
import { projectFacts } from './project-text.ts';
import { projectJson } from './scripted-api.ts';

function frozenAfter(more: Parameters<typeof projectJson>[0]): string | undefined {
  const lines = projectFacts(projectJson(more)).split('\n');
  return lines.find((line) => line.startsWith('frozen after'))?.replace(/^frozen after:?\s*/, '');
}

test('a project says after which quiet it is frozen, and when that has no effect', () => {
  expect(frozenAfter({ freeze_after: 'never' })).toBeUndefined();
  expect(frozenAfter({ freeze_after: '5s' })).toBe('5s');
  expect(frozenAfter({ freeze_after: '5s', min_instances: 2 })).toBe('5s, but not while min_instances is 2');
});
