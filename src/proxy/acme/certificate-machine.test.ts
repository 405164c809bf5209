import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { events, sampleNameOf, states } from './certificate-machine.fixture.ts';
import {
  certificateOf,
  isOrdering,
  isWaitingForTurn,
  nextCertificateState,
  startState,
  timeOf,
} from './certificate-machine.ts';

/** State → event → where it leads; what is not named means nothing there. */
const moves: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  gone: { found: 'retired', want: 'wanted', 'want of another CA': 'wanted' },
  wanted: {
    turn: 'ordering',
    unwant: 'gone',
    remembered: 'backing-off',
    'remembered refusal': 'refused',
  },
  ordering: { issued: 'valid', failed: 'backing-off', refused: 'refused', unwant: 'gone' },
  valid: {
    time: 'due',
    renew: 'due',
    'want of another CA': 'due',
    replanned: 'valid',
    unwant: 'retired',
  },
  due: {
    turn: 'renewing',
    unwant: 'retired',
    remembered: 'backing-off (held)',
    'remembered refusal': 'refused (held)',
  },
  renewing: {
    issued: 'valid',
    failed: 'backing-off (held)',
    refused: 'refused (held)',
    unwant: 'retired',
  },
  'backing-off': { time: 'wanted', renew: 'wanted', unwant: 'gone' },
  'backing-off (held)': { time: 'due', renew: 'due', unwant: 'retired' },
  refused: { time: 'wanted', renew: 'wanted', unwant: 'gone' },
  'refused (held)': { time: 'due', renew: 'due', unwant: 'retired' },
  retired: { want: 'valid', 'want of another CA': 'due', time: 'gone' },
};

for (const [stateName, state] of Object.entries(states)) {
  for (const [eventName, event] of Object.entries(events)) {
    const to = moves[stateName]?.[eventName];
    test(`${stateName} + ${eventName} → ${to ?? 'nothing'}`, () => {
      const after = nextCertificateState(state, event);
      if (to === undefined) expect(after).toBe(state);
      else expect(sampleNameOf(after)).toBe(to);
    });
  }
}

test('failures are counted until something works or a person speaks', () => {
  const ordered = nextCertificateState({ kind: 'wanted', failures: 3 }, { kind: 'turn' });
  const backingOff = nextCertificateState(ordered, events['failed']!);
  expect(backingOff).toMatchObject({ kind: 'backing-off', failures: 4, retryAt: 700 });
  expect(nextCertificateState(backingOff, { kind: 'time' })).toMatchObject({ failures: 4 });
  expect(nextCertificateState(backingOff, { kind: 'renew' })).toMatchObject({ failures: 0 });
});

test('each state waits for its own time, or for none', () => {
  expect(Object.entries(states).map(([name, state]) => [name, timeOf(state)])).toEqual([
    ['gone', null],
    ['wanted', null],
    ['ordering', null],
    ['valid', 600],
    ['due', null],
    ['renewing', null],
    ['backing-off', 500],
    ['backing-off (held)', 500],
    ['refused', 500],
    ['refused (held)', 500],
    ['retired', 900],
  ]);
});

test('whatever happens, a certificate is lost only when a newer one comes or nobody wants it at its end', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 60 }), (sequence) => {
      let state = startState;
      for (const event of sequence) {
        const after = nextCertificateState(state, event);
        const before = certificateOf(state);
        const isLost = before !== null && certificateOf(after) !== before;
        if (isLost && event.kind !== 'issued') expect([state.kind, event.kind]).toEqual(['retired', 'time']);
        expect(isOrdering(after) && isWaitingForTurn(after)).toBe(false);
        state = after;
      }
    }),
  );
});

test('an order begins only in its turn, and there is no second one before it ends', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 60 }), (sequence) => {
      let state = startState;
      for (const event of sequence) {
        const after = nextCertificateState(state, event);
        if (isOrdering(after) && !isOrdering(state)) expect(event.kind).toBe('turn');
        state = after;
      }
    }),
  );
});
