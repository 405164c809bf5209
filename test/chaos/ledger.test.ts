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

describe('a request that waited', () => {
  const waited: Attempt = { ...broken, startedAt: 0, endedAt: 10_001, failure: null };
  const outage: Calamity = { ...kill, kills: 'none', startedAt: 500, killedAt: 2_000, isOutage: true };
  const isSlow = (attempt: Attempt, ...calamities: readonly Calamity[]): boolean => {
    const ledger = new Ledger();
    for (const each of calamities) ledger.done(each);
    ledger.record(attempt);
    return ledger.slow().length > 0;
  };

  test('is slow after ten seconds, also where it was answered', () => {
    expect(isSlow(waited)).toBe(true);
    expect(isSlow({ ...waited, endedAt: 10_000 })).toBe(false);
    expect(isSlow(waited, kill)).toBe(true);
  });

  test('is forgiven the time until the engine was back', () => {
    expect(isSlow(waited, outage)).toBe(false);
    expect(isSlow({ ...waited, endedAt: 12_001 }, outage)).toBe(true);
    expect(isSlow(waited, { ...outage, startedAt: 20_000, killedAt: 21_000 })).toBe(true);
  });

  test('is named', () => {
    const ledger = new Ledger();
    ledger.record(waited);
    expect(ledger.text()).toContain('slow: 1\n  long to a from 0 to 10001 ms');
  });
});
