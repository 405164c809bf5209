import { describe, expect, test } from 'bun:test';
import {
  type InstanceEvent,
  type InstanceState,
  instanceTransitions,
  nextInstanceState,
} from './instance-state.ts';

const states = Object.keys(instanceTransitions) as InstanceState[];
const events: InstanceEvent[] = [
  'prepared',
  'prepare-failed',
  'start',
  'answered',
  'start-failed',
  'freeze',
  'thaw',
  'stop',
  'exited',
  'retry',
  'removed',
];

/** The whole table once more, as a reader would draw it: a change of either has to be made twice. */
const drawn: Record<InstanceState, Partial<Record<InstanceEvent, InstanceState>>> = {
  preparing: { prepared: 'prepared', 'prepare-failed': 'failed', removed: 'gone' },
  prepared: { start: 'starting', retry: 'preparing', 'prepare-failed': 'failed', removed: 'gone' },
  starting: {
    answered: 'running',
    'start-failed': 'failed',
    stop: 'stopping',
    exited: 'failed',
    removed: 'gone',
  },
  running: { freeze: 'frozen', stop: 'stopping', exited: 'failed', removed: 'gone' },
  frozen: { thaw: 'starting', stop: 'stopping', exited: 'failed', removed: 'gone' },
  stopping: { exited: 'prepared', removed: 'gone' },
  failed: { retry: 'preparing', start: 'starting', stop: 'stopping', removed: 'gone' },
  gone: {},
};

describe('every state meets every event', () => {
  for (const state of states) {
    for (const event of events) {
      const to = drawn[state][event] ?? null;
      test(`${state}: ${event} ${to === null ? 'cannot happen' : `leads to ${to}`}`, () => {
        expect(nextInstanceState(state, event)).toBe(to);
      });
    }
  }
});

test('nothing leads out of gone', () => {
  expect(events.map((event) => nextInstanceState('gone', event)).every((state) => state === null)).toBe(true);
});

test('a stop that was begun cannot be cancelled', () => {
  const ways = events.filter((event) => nextInstanceState('stopping', event) !== null);
  expect(ways).toEqual(['exited', 'removed']);
});

test('every state can be reached from preparing', () => {
  const reached = new Set<InstanceState>(['preparing']);
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const state of [...reached]) {
      for (const event of events) {
        const next = nextInstanceState(state, event);
        if (next) reached.add(next);
      }
    }
  }
  expect([...reached].sort()).toEqual([...states].sort());
});
