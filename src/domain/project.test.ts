import { expect, test } from 'bun:test';
import { revisionName } from './project.ts';

test('a revision is named after its project and number, so that names sort as they came', () => {
  expect(revisionName('my-app', 7)).toBe('my-app-00007');
  expect(revisionName('my-app', 123_456)).toBe('my-app-123456');
  expect(revisionName('a', 9) < revisionName('a', 10)).toBe(true);
});
