import { expect, test } from 'bun:test';
import { CertificateDemands } from './certificate-demands.ts';

const stage = (hostsMax = 10): { asked: string[]; demands: CertificateDemands } => {
  const asked: string[] = [];
  return { asked, demands: new CertificateDemands((host) => asked.push(host), hostsMax) };
};

test('one question serves all who wait for a host', async () => {
  const { asked, demands } = stage();
  const both = Promise.all([demands.wait('a.test'), demands.wait('a.test')]);
  expect(asked).toEqual(['a.test']);
  demands.answered('a.test');
  await both;
  expect(demands.hostCount).toBe(0);
});

test('beyond so many hosts nobody is asked, and nobody waits', () => {
  const { asked, demands } = stage(2);
  expect([demands.wait('a.test'), demands.wait('b.test'), demands.wait('c.test')].map(Boolean)).toEqual([
    true,
    true,
    false,
  ]);
  expect(asked).toEqual(['a.test', 'b.test']);
});

test('the next daemon hears what the last one had not answered', () => {
  const { asked, demands } = stage();
  void demands.wait('a.test');
  void demands.wait('b.test');
  demands.answered('a.test');
  demands.sayAgain();
  expect(asked).toEqual(['a.test', 'b.test', 'b.test']);
});

test('an answer that nobody waits for is nothing', () => {
  const { demands } = stage();
  demands.answered('a.test');
  expect(demands.hostCount).toBe(0);
});
