import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { randomId } from './random-id.ts';

test('has the asked length and only lower-case letters and digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 64 }), (length) => {
      expect(randomId(length)).toMatch(new RegExp(`^[a-z0-9]{${length}}$`));
    }),
  );
});

test('does not repeat itself', () => {
  const ids = new Set(Array.from({ length: 5_000 }, () => randomId(12)));
  expect(ids.size).toBe(5_000);
});

test('uses every letter about equally often', () => {
  const counts = new Map<string, number>();
  for (const letter of randomId(72_000)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  expect(counts.size).toBe(36);
  // 2,000 expected each, standard deviation 44: ten of them never happen by chance.
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(440);
});
