import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { HeldCertificate } from '../certificates/certificate-files.ts';
import type { CertificateEvent, CertificateState, OrderFailure } from './certificate-machine.ts';
import {
  certificateOf,
  isOrdering,
  isWaitingForTurn,
  nextCertificateState,
  startState,
  timeOf,
} from './certificate-machine.ts';

const held = (id: string, directoryUrl = 'ca'): HeldCertificate => ({
  id,
  name: 'a.test',
  names: ['a.test'],
  file: `/certs/${id}.pem`,
  issuer: 'CA',
  notBefore: 0,
  notAfter: 900,
  directoryUrl,
  challenge: 'http-01',
  isOnDemand: false,
});
const old = held('old');
const failure: OrderFailure = { code: 'acme_dns', message: 'no', hint: null, at: 1 };
const failed = { failures: 2, failure, retryAt: 500 };

const states: Readonly<Record<string, CertificateState>> = {
  gone: startState,
  wanted: { kind: 'wanted', failures: 1 },
  ordering: { kind: 'ordering', failures: 1 },
  valid: { kind: 'valid', certificate: old, renewAt: 600 },
  due: { kind: 'due', certificate: old, failures: 1 },
  renewing: { kind: 'renewing', certificate: old, failures: 1 },
  'backing-off': { kind: 'backing-off', certificate: null, ...failed },
  'backing-off (held)': { kind: 'backing-off', certificate: old, ...failed },
  refused: { kind: 'refused', certificate: null, ...failed },
  'refused (held)': { kind: 'refused', certificate: old, ...failed },
  retired: { kind: 'retired', certificate: old },
};

const events: Readonly<Record<string, CertificateEvent>> = {
  found: { kind: 'found', certificate: old },
  remembered: { kind: 'remembered', isRefusal: false, ...failed },
  'remembered refusal': { kind: 'remembered', isRefusal: true, ...failed },
  want: { kind: 'want', directoryUrl: 'ca', renewAt: 600 },
  'want of another CA': { kind: 'want', directoryUrl: 'other', renewAt: 600 },
  unwant: { kind: 'unwant' },
  turn: { kind: 'turn' },
  issued: { kind: 'issued', certificate: held('new'), renewAt: 1_500 },
  failed: { kind: 'failed', failure, retryAt: 700, isRefusal: false },
  refused: { kind: 'failed', failure, retryAt: 700, isRefusal: true },
  time: { kind: 'time' },
  renew: { kind: 'renew' },
  replanned: { kind: 'replanned', renewAt: 300 },
};

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

const kindOf = (state: CertificateState): string => {
  const isFailed = state.kind === 'backing-off' || state.kind === 'refused';
  return isFailed && state.certificate ? `${state.kind} (held)` : state.kind;
};

for (const [stateName, state] of Object.entries(states)) {
  for (const [eventName, event] of Object.entries(events)) {
    const to = moves[stateName]?.[eventName];
    test(`${stateName} + ${eventName} → ${to ?? 'nothing'}`, () => {
      const after = nextCertificateState(state, event);
      if (to === undefined) expect(after).toBe(state);
      else expect(kindOf(after)).toBe(to);
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
