import { describe, expect, test } from 'bun:test';
import type { Attempt, Calamity } from './ledger.ts';
import { Ledger } from './ledger.ts';

const broken: Attempt = {
  project: 'a',
  kind: 'long',
  startedAt: 100,
  endedAt: 1_000,
  failure: { status: null, what: 'reset' },
};
const kill: Calamity = {
  what: 'docker kill',
  to: 'a',
  startedAt: 850,
  killedAt: 900,
  kills: { project: 'a' },
};

function lostWith(calamity: Calamity, attempt: Attempt): boolean {
  const ledger = new Ledger();
  ledger.done(calamity);
  ledger.record(attempt);
  return ledger.losses()[0]?.cause === null;
}

describe('a broken request', () => {
  test('is excused by a kill of its instance while it ran', () => {
    expect(lostWith(kill, broken)).toBe(false);
  });

  test('is lost when the kill was of another project', () => {
    expect(lostWith({ ...kill, kills: { project: 'b' } }, broken)).toBe(true);
  });

  test('is lost when it began after the kill', () => {
    expect(lostWith(kill, { ...broken, startedAt: 901 })).toBe(true);
  });

  test('is lost when it broke long after the kill', () => {
    expect(lostWith(kill, { ...broken, endedAt: 10_000 })).toBe(true);
  });

  test('is lost when what was done kills nobody', () => {
    expect(lostWith({ ...kill, kills: 'none' }, broken)).toBe(true);
  });

  test('is excused by the kill of a worker, whoever it was sent to', () => {
    expect(lostWith({ ...kill, kills: 'any' }, broken)).toBe(false);
  });
});

test('an answered request is no loss', () => {
  const ledger = new Ledger();
  ledger.record({ ...broken, failure: null });
  expect(ledger.losses()).toEqual([]);
  expect(ledger.text()).toContain('lost: 0');
});
