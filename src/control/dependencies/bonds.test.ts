import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { StartFailure } from '../../domain/project-status.ts';
import { type Bonded, decideBonds, type Verdict } from './bonds.ts';

const failure: StartFailure = {
  code: 'instance_exited',
  message: 'it exited with code 3',
  logLines: ['boom'],
  at: 7,
};

const one = (name: string, more: Partial<Bonded> = {}): Bonded => ({
  ...{ name, dependsOn: [], group: null, openUntil: null, isUp: false, isUsed: false, isKept: false },
  ...{ isStarted: false, isReady: false, failure: null },
  ...more,
});
const up = { isUp: true, isUsed: true };
const needs = (project: string, condition: 'started' | 'ready' = 'ready') => ({
  dependsOn: [{ project, condition }],
});

function verdict(name: string, ...projects: Bonded[]): Verdict | undefined {
  return decideBonds(projects).get(name);
}

describe('a dependency in every state it can be in', () => {
  for (const condition of ['started', 'ready'] as const) {
    for (const isKept of [false, true]) {
      for (const [isStarted, isReady] of [
        [false, false],
        [true, false],
        [true, true],
      ] as const) {
        for (const why of [null, failure]) {
          const isMet = isKept && (condition === 'ready' ? isReady : isStarted);
          const expected = isMet ? 'met' : why ? 'failed' : 'waiting';
          const facts = { isKept, isStarted, isReady, failure: why };
          test(`${condition}: ${JSON.stringify({ ...facts, failure: why !== null })} is ${expected}`, () => {
            const db = one('db', facts);
            expect(verdict('web', one('web', needs('db', condition)), db)?.dependencies.kind).toBe(expected);
          });
        }
      }
    }
  }
});

describe('who waits', () => {
  test('hears of all it waits for, and of the first that failed with its reason and its last lines', () => {
    const web = one('web', { dependsOn: [needs('a').dependsOn, needs('b').dependsOn].flat() });
    expect(verdict('web', web, one('a'), one('b'))?.dependencies).toEqual({
      kind: 'waiting',
      for: ['a', 'b'],
    });
    expect(verdict('web', web, one('a'), one('b', { failure }))?.dependencies).toEqual({
      kind: 'failed',
      failure: {
        code: 'dependency_failed',
        message: 'it depends on b: it exited with code 3',
        logLines: ['boom'],
        at: 7,
      },
    });
  });

  test('waits for one of which nothing is known yet', () => {
    expect(verdict('web', one('web', needs('db')))?.dependencies).toEqual({ kind: 'waiting', for: ['db'] });
  });
});

describe('a dependency', () => {
  test('is kept for all that are up, and only for those', () => {
    const projects = [one('db'), one('web', { ...needs('db'), ...up }), one('blog', needs('db'))];
    expect(verdict('db', ...projects)?.keeps).toEqual([{ by: 'dependents', projects: ['web'] }]);
    const both = [
      one('db'),
      one('web', { ...needs('db'), isUp: true }),
      one('blog', { ...needs('db'), ...up }),
    ];
    expect(verdict('db', ...both)?.keeps).toEqual([{ by: 'dependents', projects: ['web', 'blog'] }]);
    expect(verdict('db', one('db', up), one('web', needs('db')))?.keeps).toEqual([]);
  });
});

describe('a group', () => {
  test('is kept as a whole while one of it is used, and let go when none is', () => {
    const members = (isUsed: boolean) => [
      one('web', { group: 'shop', isUp: true, isUsed }),
      one('api', { group: 'shop', isUp: true }),
      one('other', { group: 'else' }),
    ];
    expect([...decideBonds(members(true))].map(([name, { keeps }]) => [name, keeps.length])).toEqual([
      ['web', 1],
      ['api', 1],
      ['other', 0],
    ]);
    expect([...decideBonds(members(false)).values()].flatMap(({ keeps }) => keeps)).toEqual([]);
  });

  test('is used too when one outside depends on a member and is used', () => {
    const projects = [
      one('web', { ...needs('db'), ...up }),
      one('db', { group: 'data' }),
      one('backup', { group: 'data' }),
    ];
    expect(verdict('backup', ...projects)?.keeps).toEqual([{ by: 'group', projects: ['db'] }]);
  });

  test('of a dependent and its dependency is let go together: the one that is still up holds the other alone', () => {
    const projects = [
      one('web', { ...needs('db'), group: 'shop', isUp: true }),
      one('db', { group: 'shop', isUp: true }),
    ];
    expect(verdict('web', ...projects)?.keeps).toEqual([]);
    expect(verdict('db', ...projects)?.keeps).toEqual([{ by: 'dependents', projects: ['web'] }]);
  });

  test('and a window of one of it keeps all', () => {
    const projects = [one('web', { group: 'shop', openUntil: 9 }), one('api', { group: 'shop' })];
    expect(verdict('web', ...projects)?.keeps).toEqual([
      { by: 'schedule', until: 9 },
      { by: 'group', projects: ['web'] },
    ]);
    expect(verdict('api', ...projects)?.keeps).toEqual([{ by: 'group', projects: ['web'] }]);
  });
});

test('whoever is kept has a reason outside of itself, and nobody is kept where nobody is up, used or in a window', () => {
  const names = ['a', 'b', 'c', 'd'];
  const project = (name: string) =>
    fc.record({
      name: fc.constant(name),
      dependsOn: fc
        .uniqueArray(fc.constantFrom(...names.filter((other) => other > name), 'z'), { maxLength: 2 })
        .map((all) => all.map((project) => ({ project, condition: 'ready' as const }))),
      group: fc.constantFrom(null, 'g', 'h'),
      openUntil: fc.constantFrom(null, 5),
      isUp: fc.boolean(),
      isUsed: fc.boolean(),
      isKept: fc.boolean(),
      isStarted: fc.boolean(),
      isReady: fc.boolean(),
      failure: fc.constantFrom(null, failure),
    });
  fc.assert(
    fc.property(fc.tuple(...names.map(project)), (projects) => {
      const verdicts = decideBonds(projects);
      const isQuiet = projects.every(({ isUp, isUsed, openUntil }) => !isUp && !isUsed && openUntil === null);
      for (const { name, group } of projects) {
        for (const keep of verdicts.get(name)?.keeps ?? []) {
          expect(isQuiet).toBe(false);
          if (keep.by === 'dependents') expect(keep.projects).not.toContain(name);
          if (keep.by === 'group') expect(group).not.toBeNull();
          if (keep.by !== 'schedule') expect(keep.projects.length).toBeGreaterThan(0);
        }
      }
    }),
  );
});
