import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { connectionBudget } from './connection-budget.ts';
import { EDGE_LIMITS } from './limits.ts';

test('with files to spare nothing is lower than it would be', () => {
  const { clientConnectionsMax, upstreamConnectionsMax, idleMax, turnedAwayMax } = EDGE_LIMITS;
  const all = { clientConnectionsMax, upstreamConnectionsMax, idleMax, turnedAwayMax };
  expect(connectionBudget(1_048_576)).toEqual(all);
});

test('with 20,000 files there is room for 10,000 idle clients', () => {
  expect(connectionBudget(20_000).clientConnectionsMax).toBeGreaterThan(10_000);
});

test('all together stay below the limit, with some files left', () => {
  fc.assert(
    fc.property(fc.integer({ min: 128, max: 2_000_000 }), (openFilesMax) => {
      const budget = connectionBudget(openFilesMax);
      const { clientConnectionsMax, upstreamConnectionsMax, idleMax, turnedAwayMax } = budget;
      expect(clientConnectionsMax + upstreamConnectionsMax + turnedAwayMax).toBeLessThanOrEqual(
        openFilesMax - 64,
      );
      expect(idleMax).toBeLessThan(upstreamConnectionsMax);
      expect(Math.min(...Object.values(budget))).toBeGreaterThan(0);
    }),
  );
});
