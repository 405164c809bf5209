/** Every interleaving of workers that want the slots of one target, beside a fence. LUMA_TEST_LONG=1 widens the bounds. */
import { describe, expect, test } from 'bun:test';
import { TurnBack } from '../../src/edge/board/index.ts';
import {
  checkSlots,
  firstSlotWorld,
  isOver,
  type SlotBounds,
  type SlotProtocol,
  type SlotWorld,
  slotMoves,
  slotProtocol,
} from './slots.ts';
import { Violation } from './world.ts';

const isLong = process.env['LUMA_TEST_LONG'] === '1';
const STATES_MAX = isLong ? 6_000_000 : 1_000_000;

/** The first property that does not hold, or null; also where the end of all requests cannot be reached any more. */
function explored(bounds: SlotBounds, protocol: SlotProtocol = slotProtocol): string | null {
  const first = firstSlotWorld(bounds);
  const numbers = new Map([[JSON.stringify(first), 0]]);
  const comesFrom: number[][] = [[]];
  const over: number[] = [];
  const waiting: [SlotWorld, number][] = [[first, 0]];
  try {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [world, number] = next;
      checkSlots(world, bounds);
      if (isOver(world)) over.push(number);
      for (const move of slotMoves(world, bounds, protocol)) {
        const key = JSON.stringify(move);
        const known = numbers.get(key);
        const target = known ?? numbers.size;
        if (known === undefined) {
          if (target >= STATES_MAX) throw new Error(`more than ${STATES_MAX} states: lower the bounds`);
          numbers.set(key, target);
          comesFrom.push([]);
          waiting.push([move, target]);
        }
        comesFrom[target]?.push(number);
      }
    }
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
  console.log(`slots, ${JSON.stringify(bounds)}: ${numbers.size} states`);
  return leadsTo(over, comesFrom) === numbers.size ? null : 'a request is never served';
}

/** How many states the given ones can be reached from. */
function leadsTo(over: readonly number[], comesFrom: readonly (readonly number[])[]): number {
  const seen = new Set(over);
  for (const state of seen) for (const earlier of comesFrom[state] ?? []) seen.add(earlier);
  return seen.size;
}

const bounds: readonly SlotBounds[] = [
  { workers: 2, limit: 1, requests: 2, fences: 1 },
  { workers: 2, limit: 1, requests: 3, fences: 0 },
  { workers: 3, limit: 1, requests: 2, fences: 0 },
  { workers: 2, limit: 2, requests: 3, fences: 0 },
];
const widerBounds: readonly SlotBounds[] = [
  { workers: 2, limit: 1, requests: 3, fences: 1 },
  { workers: 3, limit: 2, requests: 3, fences: 0 },
];

describe('never more than its slots, no request waits for ever, and no fence passes one by', () => {
  for (const one of isLong ? [...bounds, ...widerBounds] : bounds) {
    test(JSON.stringify(one), () => expect(explored(one)).toBeNull(), 300_000);
  }
});

describe('the model finds a counterexample when', () => {
  test('a worker does not count once more when it is in', () => {
    const looksOnly: SlotProtocol = {
      ...slotProtocol,
      slotEntryStep: (entry, place) => {
        slotProtocol.slotEntryStep(entry, place);
        if (entry.part === 'check') entry.part = 'entered';
      },
    };
    const wanted = { workers: 2, limit: 1, requests: 2, fences: 0 };
    expect(explored(wanted, looksOnly)).toContain('than it has slots');
  });

  test('who turns back is out of flight before it is held', () => {
    const lowersFirst: SlotProtocol = {
      ...slotProtocol,
      turnBackStep: (phase, cells, row) => {
        if (phase === TurnBack.countHeld) {
          slotProtocol.turnBackStep(TurnBack.lower, cells, row);
          return TurnBack.lower;
        }
        slotProtocol.turnBackStep(TurnBack.countHeld, cells, row);
        return TurnBack.turned;
      },
    };
    const wanted = { workers: 2, limit: 1, requests: 2, fences: 1 };
    expect(explored(wanted, lowersFirst)).toContain('a fence passes by');
  });

  test('who found no slot stays in flight', () => {
    const staysIn: SlotProtocol = {
      ...slotProtocol,
      slotEntryStep: (entry, place) => {
        if (entry.part === 'step-back') entry.part = 'full';
        else slotProtocol.slotEntryStep(entry, place);
      },
    };
    const wanted = { workers: 2, limit: 1, requests: 2, fences: 0 };
    expect(explored(wanted, staysIn)).toBe('a request is never served');
  });
});
