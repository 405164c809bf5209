/** What the search leaves out changes nothing: on small bounds, beside a search that leaves nothing out. */
import { describe, expect, test } from 'bun:test';
import type { System } from './explorer.ts';
import { explore } from './explorer.ts';
import { type Bounds, modelOf, nothing, placed } from './model.ts';
import { mutants } from './mutants.ts';
import { protocol } from './protocol.ts';

const STATES_MAX = 50_000;

const bounds: readonly Partial<Bounds>[] = [
  { from: 'awake', requests: 1, sleeps: 1 },
  { from: 'asleep', requests: 1, sleeps: 1, workerDeaths: 1 },
  { from: 'awake', quiets: 1, sleeps: 1, clientsGone: 1, workerDeaths: 1 },
  { from: 'asleep', requests: 1, freezes: 1 },
];

type Parts = readonly unknown[];

function textOf(parts: Parts, twins: number): string {
  const texts = parts.map((part) => JSON.stringify(part));
  return [...texts.slice(0, twins).sort(), ...texts.slice(twins)].join('\n');
}

/** Of all that are the same but for what nobody can tell apart. */
function orbitOf(system: System, parts: Parts): string {
  return textOf(system.represent(parts), system.twins);
}

function* stepsOf({ processes }: System, parts: Parts): Generator<readonly [label: string, Parts]> {
  for (const { kind, places } of processes) {
    for (const step of kind.steps(places.map((place) => parts[place])))
      yield [step.label, placed(parts, places, step.parts)];
  }
}

/** Every state that can be reached, by all that it consists of. */
function everyState(system: System): readonly Parts[] {
  const met = new Map([[textOf(system.first, 0), system.first]]);
  for (const parts of met.values()) {
    for (const [, after] of stepsOf(system, parts)) {
      const text = textOf(after, 0);
      if (!met.has(text)) met.set(text, after);
    }
    if (met.size > STATES_MAX) throw new Error(`more than ${STATES_MAX} states: lower the bounds`);
  }
  return [...met.values()];
}

function orbitsAfter(system: System, parts: Parts): Set<string> {
  return new Set(
    Array.from(stepsOf(system, parts), ([label, after]) => `${label}\n${orbitOf(system, after)}`),
  );
}

/** The orbits that the search visits, and those where nothing that must happen is left. */
function visited(system: System): { all: Set<string>; atRest: Set<string> } {
  const all = new Set<string>();
  const atRest = new Set<string>();
  const { counterexample } = explore(system, {
    statesMax: STATES_MAX,
    onState: (parts, isAtRest) => {
      const text = textOf(parts, system.twins);
      all.add(text);
      if (isAtRest) atRest.add(text);
    },
  });
  expect(counterexample).toBeNull();
  return { all, atRest };
}

function withoutShortCut(system: System): System {
  const kinds = new Map(
    system.processes.map(({ kind }) => {
      const { width, isRemembered, steps } = kind;
      return [kind, { width, isRemembered, steps }] as const;
    }),
  );
  const processes = system.processes.map(({ kind, places }) => ({ kind: kinds.get(kind)!, places }));
  return { ...system, processes };
}

function isAtRest(system: System, parts: Parts): boolean {
  return system.processes.every(({ kind, places }) =>
    Array.from(kind.steps(places.map((place) => parts[place]))).every(({ isFair }) => !isFair),
  );
}

describe.each(bounds.map((budget) => [JSON.stringify(budget), budget] as const))('%s', (_, budget) => {
  const system = modelOf(protocol, { ...nothing, ...budget });
  let everything: readonly Parts[] = [];

  test('a state and the one that stands for it can do the same', () => {
    everything = everyState(system);
    for (const parts of everything) {
      const after = orbitsAfter(system, parts);
      const mirrored = [...parts.slice(0, system.twins).reverse(), ...parts.slice(system.twins)];
      for (const same of [system.represent(parts), mirrored])
        expect([...orbitsAfter(system, same).symmetricDifference(after)]).toEqual([]);
    }
  }, 60_000);

  test('one of each orbit is visited, and nothing else', () => {
    const orbits = new Set(everything.map((parts) => orbitOf(system, parts)));
    expect(orbits.size).toBeLessThan(everything.length);
    expect([...visited(withoutShortCut(system)).all.symmetricDifference(orbits)]).toEqual([]);
  }, 60_000);

  test('the short cut comes to rest in the same states, and visits no others', () => {
    const orbits = new Set(everything.map((parts) => orbitOf(system, parts)));
    const resting = everything.filter((parts) => isAtRest(system, parts));
    const { all, atRest } = visited(system);
    const expected = new Set(resting.map((parts) => orbitOf(system, parts)));
    expect([...atRest.symmetricDifference(expected)]).toEqual([]);
    expect(all.isSubsetOf(orbits)).toBeTrue();
  }, 60_000);
});

/** The bounds of the mutants are too wide for a search of everything; these show what the reductions must not hide. */
test('a mutant is found with the reductions and without them', () => {
  const found = mutants.filter(({ says }) => /before it adds|not announced|before it closes/.test(says));
  expect(found.length).toBeGreaterThan(2);
  for (const { protocol: mutant, budget, finds } of found) {
    const system = modelOf(mutant, { ...nothing, requests: 2, sleeps: 1, ...budget });
    const plain: System = { ...withoutShortCut(system), twins: 0, represent: (parts) => parts };
    for (const searched of [system, plain]) {
      const { counterexample } = explore(searched, { statesMax: 1_000_000 });
      expect(counterexample?.property).toMatch(new RegExp(finds));
    }
  }
}, 60_000);
