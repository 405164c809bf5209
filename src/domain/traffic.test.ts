import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { allTo, type TrafficShare } from './revision.ts';
import {
  afterDeploy,
  afterRollback,
  lanesOf,
  leadOf,
  percentOf,
  proved,
  splitTo,
  type TrafficWish,
  tagHosts,
} from './traffic.ts';

const share = (revision: number, percent: number, more: Partial<TrafficShare> = {}): TrafficShare => ({
  ...{ revision, percent, tag: null, isLatest: false, isProved: true },
  ...more,
});
const wish = (revision: number | 'latest', percent: number, tag: string | null = null): TrafficWish => ({
  revision,
  percent,
  tag,
});
const loud = { isSilent: false, tag: null, verifies: true };

describe('a split that a person asks for', () => {
  test('leaves the lead to who leads, and makes lanes of the others, which are to prove themselves', () => {
    const traffic = splitTo([wish(4, 10), wish(3, 90)], allTo(3), { latest: 4, verifies: true });
    expect(leadOf(traffic)).toBe(3);
    expect(lanesOf(traffic)).toEqual([{ revision: 4, percent: 10, tags: [], isProved: false }]);
  });

  test('gives the lead to the greatest where who led has no share', () => {
    const traffic = splitTo([wish(4, 30), wish(5, 70)], allTo(3), { latest: 5, verifies: true });
    expect(leadOf(traffic)).toBe(5);
    expect(traffic[0]).toMatchObject({ revision: 5, isProved: true });
  });

  test('follows the latest revision where it is named so', () => {
    const [only] = splitTo([wish('latest', 100)], [share(2, 100)], { latest: 7, verifies: true });
    expect(only).toEqual(share(7, 100, { isLatest: true }));
  });

  test('asks nobody again who has had a share already', () => {
    const before = [share(3, 90), share(4, 10)];
    const traffic = splitTo([wish(3, 50), wish(4, 50)], before, { latest: 4, verifies: true });
    expect(lanesOf(traffic)).toEqual([{ revision: 4, percent: 50, tags: [], isProved: true }]);
  });

  test('may name a revision more than once, for each of its tags', () => {
    const wishes = [wish(3, 100), wish(2, 0, 'old'), wish(2, 0, 'safe')];
    expect(lanesOf(splitTo(wishes, allTo(3), { latest: 3, verifies: true }))).toEqual([
      { revision: 2, percent: 0, tags: ['old', 'safe'], isProved: false },
    ]);
  });
});

describe('a deploy', () => {
  test('moves everything to the new revision where everything followed the latest', () => {
    expect(afterDeploy(allTo(3), 4, loud)).toEqual(allTo(4));
  });

  test('leaves a split between numbered revisions as it is', () => {
    const before = [share(3, 90), share(2, 10)];
    expect(afterDeploy(before, 4, loud)).toEqual(before);
  });

  test('moves the share alone that followed the latest', () => {
    const before = [share(2, 90), share(3, 10, { isLatest: true })];
    expect(afterDeploy(before, 4, loud)).toEqual([
      share(2, 90),
      share(4, 10, { isLatest: true, isProved: false }),
    ]);
  });

  test('without traffic leaves every request where it went, and nothing follows the latest any more', () => {
    const silent = { ...loud, isSilent: true, tag: 'next' };
    expect(afterDeploy(allTo(3), 4, silent)).toEqual([
      share(3, 100),
      share(4, 0, { tag: 'next', isProved: false }),
    ]);
  });

  test('takes its tag from whoever had it', () => {
    const before = [share(3, 100), share(2, 0, { tag: 'next' })];
    const traffic = afterDeploy(before, 4, { ...loud, isSilent: true, tag: 'next' });
    expect(traffic.map(({ revision, tag }) => [revision, tag])).toEqual([
      [3, null],
      [4, 'next'],
    ]);
  });
});

test('a rollback sends everything to its revision, which the next deploy follows, and leaves tags reachable', () => {
  const before = [share(4, 90), share(3, 10, { tag: 'old', isLatest: true })];
  expect(afterRollback(before, 2)).toEqual([...allTo(2), share(3, 0, { tag: 'old' })]);
});

test('a revision that was seen to answer is proved in all of its shares', () => {
  const before = [
    share(3, 100),
    share(4, 0, { tag: 'a', isProved: false }),
    share(4, 0, { isProved: false }),
  ];
  expect(lanesOf(proved(before, 4))).toMatchObject([{ revision: 4, isProved: true }]);
});

test('a tag is reached under every hostname but wildcards', () => {
  expect(tagHosts('next', ['app.localhost', '*.app.test', 'a.example.com'])).toEqual([
    'next---app.localhost',
    'next---a.example.com',
  ]);
});

const splits = fc
  .uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  .chain((revisions) =>
    fc
      .array(fc.integer({ min: 0, max: 100 }), { minLength: revisions.length, maxLength: revisions.length })
      .map((weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        let left = 100;
        return revisions.map((revision, at): TrafficWish => {
          const isLast = at === revisions.length - 1;
          const percent = isLast ? left : sum === 0 ? 0 : Math.floor(((weights[at] ?? 0) * 100) / sum);
          left -= percent;
          return wish(at === 0 ? 'latest' : revision, percent, percent === 0 ? `t${revision}` : null);
        });
      }),
  );

test('whatever people ask and deploys do: the percentages make 100, one revision leads, and the lead is proved', () => {
  const steps = fc.array(
    fc.oneof(
      splits.map((wishes) => ({ wishes })),
      fc.record({ isSilent: fc.boolean(), tag: fc.constantFrom(null, 'a', 'b'), verifies: fc.boolean() }),
      fc.record({ back: fc.integer({ min: 1, max: 9 }) }),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(steps, (taken) => {
      let latest = 9;
      let traffic: readonly TrafficShare[] = allTo(latest);
      for (const step of taken) {
        const before = traffic;
        if ('wishes' in step) traffic = splitTo(step.wishes, traffic, { latest, verifies: true });
        else if ('back' in step) {
          latest = step.back;
          traffic = afterRollback(traffic, latest);
        } else traffic = afterDeploy(traffic, ++latest, step);
        const lead = leadOf(traffic) ?? 0;
        const ofLead = traffic.filter(({ revision, percent }) => revision === lead && percent > 0);
        expect(traffic.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
        expect(percentOf(traffic, lead)).toBeGreaterThan(0);
        expect(ofLead.every(({ isProved }) => isProved)).toBe(true);
        expect(lanesOf(traffic).some(({ revision }) => revision === lead)).toBe(false);
        const led = leadOf(before) ?? 0;
        if (!('back' in step) && percentOf(traffic, led) > 0) expect(lead).toBe(led);
        const tags = traffic.flatMap(({ tag }) => tag ?? []);
        expect(new Set(tags).size).toBe(tags.length);
      }
    }),
  );
});
