import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { TrafficGroup, TrafficSplit } from '../routing/service-route.ts';
import { stableHash } from './stable-hash.ts';
import { TrafficShare } from './traffic-share.ts';

const group = (name: string, percent: number, keys: readonly string[] = []): TrafficGroup => ({
  name,
  percent,
  targetIds: [],
  keys,
});

const split = (percent: number, keys: readonly string[] = [], stickyCookie: string | null = 'key') =>
  ({ groups: [group('new', percent, keys), group('old', 100 - percent)], stickyCookie }) as TrafficSplit;

test('any number of requests in a row is shared out as the percentages say, but for a handful', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.integer({ min: 1, max: 5_000 }),
      (weights, seed, requestCount) => {
        const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
        if (weights.every((weight) => weight === 0)) return;
        const groups = weights.map((weight, index) => group(String(index), (weight / sum) * 100));
        const share = new TrafficShare({ groups, stickyCookie: null }, seed);
        const counts = new Map<string, number>();
        for (let index = 0; index < requestCount; index++) {
          const { name } = share.of(null).group;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        for (const { name, percent } of groups) {
          const expected = (requestCount * percent) / 100;
          expect(Math.abs((counts.get(name) ?? 0) - expected)).toBeLessThanOrEqual(6);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('who was dealt a key goes to the group of its first request for as long as the percentages stay', () => {
  const share = new TrafficShare(split(37), 0.3);
  for (let client = 0; client < 1_000; client++) {
    const first = share.of(null);
    const again = share.of(first.newKey);
    expect(again).toEqual({ group: first.group, newKey: null });
  }
});

test('a greater percentage takes nobody away who was there', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      (key, a, b) => {
        const isNew = (percent: number): boolean =>
          new TrafficShare(split(percent), 0).of(key).group.name === 'new';
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        if (isNew(less)) expect(isNew(more)).toBe(true);
      },
    ),
  );
});

test('users named by the app are shared out by their ids, whatever those look like', () => {
  for (const idOf of [(n: number) => String(n), (n: number) => `user-${n}`, (n: number) => `${n}@a.test`]) {
    const share = new TrafficShare(split(10), 0);
    let count = 0;
    for (let user = 0; user < 20_000; user++) {
      if (share.of(idOf(user)).group.name === 'new') count++;
    }
    expect(Math.abs(count - 2_000)).toBeLessThan(150);
  }
});

test('a key on the list has its group at 0 percent too, and nobody else has', () => {
  const share = new TrafficShare(split(0, ['ada']), 0);
  expect(share.of('ada').group.name).toBe('new');
  for (let user = 0; user < 1_000; user++) {
    expect(share.of(String(user)).group.name).toBe('old');
    expect(share.of(null).group.name).toBe('old');
  }
});

test('0 and 100 percent mean nobody and everybody', () => {
  const [all, none] = [new TrafficShare(split(100), 0), new TrafficShare(split(0), 0)];
  for (let index = 0; index < 2_000; index++) {
    expect(all.of(null).group.name).toBe('new');
    expect(all.of(`~${999_999 - index}`).group.name).toBe('new');
    expect(none.of(`~${String(index).padStart(6, '0')}`).group.name).toBe('old');
  }
});

test('without a sticky cookie nobody is given a key', () => {
  expect(new TrafficShare(split(50, [], null), 0).of(null).newKey).toBeNull();
});

test('the hash is the same for ever: users stay where they are over every release', () => {
  expect(['', 'a', 'user-1', 'user-2'].map(stableHash)).toEqual([
    2_872_998_923, 444_641_715, 2_005_895_916, 853_201_105,
  ]);
});
