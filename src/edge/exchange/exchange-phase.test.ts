import { expect, test } from 'bun:test';
import {
  countedAs,
  EXCHANGE_EVENTS,
  EXCHANGE_PHASES,
  type ExchangePhase,
  nextPhase,
} from './exchange-phase.ts';

const LEGAL: Readonly<Record<ExchangePhase, string>> = {
  arrived: 'gathers>gathering gated>held admitted>connecting ended>ended',
  gathering: 'gated>held admitted>connecting ended>ended',
  held: 'admitted>connecting returned>retrying ended>ended',
  connecting: 'connected>awaiting refused>retrying ended>ended',
  awaiting: 'stale>connecting answered>answering upgraded>tunnel ended>ended',
  answering: 'buffered>delivering ended>ended',
  delivering: 'ended>ended',
  tunnel: 'ended>ended',
  retrying: 'gated>held admitted>connecting ended>ended',
  ended: '',
};

test.each([...EXCHANGE_PHASES])('from %s only the drawn transitions are possible', (phase) => {
  const possible = EXCHANGE_EVENTS.flatMap((event) => {
    const next = nextPhase(phase, event);
    return next === null ? [] : [`${event}>${next}`];
  });
  expect(possible.join(' ')).toBe(LEGAL[phase]);
});

test('every phase but the last can end', () => {
  for (const phase of EXCHANGE_PHASES)
    expect(nextPhase(phase, 'ended')).toBe(phase === 'ended' ? null : 'ended');
});

test('an exchange is in flight from the gate until its target is done with it, except while it pauses', () => {
  const counted = Object.fromEntries(EXCHANGE_PHASES.map((phase) => [phase, countedAs(phase)]));
  expect(counted).toEqual({
    arrived: 'nothing',
    gathering: 'nothing',
    held: 'held',
    connecting: 'in-flight',
    awaiting: 'in-flight',
    answering: 'in-flight',
    delivering: 'nothing',
    tunnel: 'in-flight',
    retrying: 'nothing',
    ended: 'nothing',
  });
});
