import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { cycleThrough, type DependencyGraph, dependenciesOf, dependentsOf } from './graph.ts';

const graph = (edges: Record<string, string[]>): DependencyGraph => new Map(Object.entries(edges));

describe('a cycle', () => {
  test('is told as the way around it', () => {
    expect(cycleThrough(graph({ a: ['b'], b: ['c', 'd'], d: ['a'] }), 'a')).toEqual(['a', 'b', 'd', 'a']);
    expect(cycleThrough(graph({ a: ['a'] }), 'a')).toEqual(['a', 'a']);
  });

  test('of others is not the project’s own', () => {
    expect(cycleThrough(graph({ a: ['b'], b: ['c'], c: ['b'] }), 'a')).toBeNull();
    expect(cycleThrough(graph({ a: ['b', 'c'], b: ['d'], c: ['d'] }), 'a')).toBeNull();
  });

  test('is found exactly where the project can be reached from itself', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const edges = fc.record(
      Object.fromEntries(
        names.map((name) => [name, fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 })]),
      ),
    );
    fc.assert(
      fc.property(edges, (each) => {
        const made = graph(each);
        for (const name of names) {
          const cycle = cycleThrough(made, name);
          const reached = new Set<string>(made.get(name));
          for (const next of reached) for (const further of made.get(next) ?? []) reached.add(further);
          expect(cycle !== null).toBe(reached.has(name));
          for (const [at, from] of (cycle ?? []).slice(0, -1).entries()) {
            expect(made.get(from)).toContain(cycle?.[at + 1] ?? '');
          }
        }
      }),
    );
  });
});

test('dependencies come each after its own', () => {
  const shop = graph({ shop: ['cart', 'db'], cart: ['db', 'cache'], db: ['disk'], cache: [], disk: [] });
  expect(dependenciesOf(shop, 'shop')).toEqual(['disk', 'db', 'cache', 'cart']);
  expect(dependentsOf(shop, 'db')).toEqual(['shop', 'cart']);
});
