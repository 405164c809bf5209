/** Every interleaving within the bounds, through the functions that run. LUMA_TEST_LONG=1 widens the bounds. */
import { describe, expect, test } from 'bun:test';
import type { Exploration } from './explorer.ts';
import type { Bounds } from './model.ts';
import { exploreModel, nothing } from './model.ts';
import { mutants } from './mutants.ts';
import { protocol } from './protocol.ts';

/** Two workers always. Each number is how often the thing may happen, at any moment. */
const bounds: readonly Partial<Bounds>[] = [
  { from: 'asleep', requests: 3, sleeps: 1 },
  { from: 'asleep', requests: 2, sleeps: 2 },
  { from: 'awake', requests: 1, sleeps: 1, controlDeaths: 1 },
  { from: 'asleep', requests: 2, controlDeaths: 1, clientsGone: 1 },
  { from: 'asleep', requests: 1, sleeps: 1, linkBreaks: 1 },
  { from: 'asleep', requests: 1, sleeps: 1, controlDeaths: 1, linkBreaks: 1 },
  { from: 'awake', requests: 2, sleeps: 1, workerDeaths: 1 },
  { from: 'asleep', requests: 2, sleeps: 1, startFailures: 1 },
  { from: 'awake', requests: 1, quiets: 2, sleeps: 1 },
  { from: 'asleep', requests: 1, quiets: 1, sleeps: 2 },
  { from: 'awake', quiets: 1, sleeps: 1, workerDeaths: 1, linkBreaks: 1 },
];

/** Suspended first, or only; and a second instance that comes and goes with the load. */
const furtherBounds: readonly Partial<Bounds>[] = [
  { from: 'asleep', requests: 2, freezes: 1 },
  { from: 'awake', requests: 1, freezes: 1, sleeps: 1 },
  { from: 'awake', requests: 1, freezes: 1, linkBreaks: 1 },
  { from: 'awake', requests: 1, freezes: 1, controlDeaths: 1 },
  { from: 'asleep', requests: 1, scalings: 2 },
  { from: 'awake', requests: 1, scalings: 1, sleeps: 1 },
];

const widerBounds: readonly Partial<Bounds>[] = [
  { from: 'asleep', requests: 2, sleeps: 1, controlDeaths: 1 },
  { from: 'asleep', requests: 2, sleeps: 1, linkBreaks: 1 },
  { from: 'asleep', requests: 3, sleeps: 1, workerDeaths: 1 },
  { from: 'awake', requests: 3, sleeps: 1 },
  { from: 'awake', requests: 1, quiets: 2, sleeps: 2, clientsGone: 1 },
  { from: 'asleep', requests: 2, sleeps: 1, startFailures: 1, clientsGone: 1 },
  { from: 'asleep', requests: 2, freezes: 1, sleeps: 1 },
  { from: 'asleep', requests: 2, freezes: 1, workerDeaths: 1 },
  { from: 'awake', requests: 2, scalings: 2 },
  { from: 'awake', requests: 1, scalings: 2, sleeps: 1 },
  { from: 'awake', requests: 1, scalings: 2, freezes: 1 },
  // All that can happen, in one run: some 15 million states, the most of all.
  { from: 'asleep', requests: 3, sleeps: 1, controlDeaths: 1, workerDeaths: 1 },
];

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const TEST_TIMEOUT_MS = isLong ? 1_200_000 : 240_000;
const STATES_MAX = isLong ? 20_000_000 : 1_500_000;

function text({ from, ...budget }: Partial<Bounds>): string {
  return [`from ${from}`, ...Object.entries(budget).map(([name, times]) => `${times} ${name}`)].join(', ');
}

function told(name: string, { states, moves, counterexample }: Exploration): string | null {
  console.log(`model, ${name}: ${states} states, ${moves} moves`);
  return counterexample && `${counterexample.property}\n${counterexample.trace.join('\n')}`;
}

describe('no state loses a request, holds one for ever, or stops a busy instance', () => {
  for (const budget of [...bounds, ...furtherBounds, ...(isLong ? widerBounds : [])]) {
    const explored = (): Exploration => exploreModel(protocol, { ...nothing, ...budget }, STATES_MAX);
    test(text(budget), () => expect(told(text(budget), explored())).toBeNull(), TEST_TIMEOUT_MS);
  }
});

describe('the model finds a counterexample when', () => {
  for (const { says, protocol: mutant, finds, budget } of mutants) {
    test(
      says,
      () => {
        const { counterexample } = exploreModel(mutant, { ...nothing, requests: 2, sleeps: 1, ...budget });
        expect(counterexample?.property).toMatch(new RegExp(finds));
      },
      TEST_TIMEOUT_MS,
    );
  }
});
