import { expect, test } from 'bun:test';
import type { ChoiceGiven } from './challenge-choice.ts';
import { challengesToTry } from './challenge-choice.ts';

const given = (more: Partial<ChoiceGiven> = {}): ChoiceGiven => ({
  name: 'a.example',
  forced: null,
  hasDnsProvider: false,
  worked: null,
  failures: 0,
  ...more,
});

test('the first order tries http-01, then tls-alpn-01, then dns-01 where somebody can', () => {
  expect(challengesToTry(given())).toEqual(['http-01', 'tls-alpn-01']);
  expect(challengesToTry(given({ hasDnsProvider: true }))).toEqual(['http-01', 'tls-alpn-01', 'dns-01']);
});

test('what worked before comes first', () => {
  expect(challengesToTry(given({ worked: 'tls-alpn-01' }))).toEqual(['tls-alpn-01', 'http-01']);
});

test('orders after a failure try one kind each, in turn', () => {
  const tries = [1, 2, 3, 4].map((failures) => challengesToTry(given({ failures })));
  expect(tries).toEqual([['tls-alpn-01'], ['http-01'], ['tls-alpn-01'], ['http-01']]);
});

test('a person’s word leaves no choice', () => {
  expect(challengesToTry(given({ forced: 'tls-alpn-01', worked: 'http-01', failures: 3 }))).toEqual([
    'tls-alpn-01',
  ]);
});

test('a wildcard is proved by DNS, whatever a person wants for the others, or not at all', () => {
  expect(challengesToTry(given({ name: '*.example', forced: 'http-01', hasDnsProvider: true }))).toEqual([
    'dns-01',
  ]);
  expect(() => challengesToTry(given({ name: '*.example' }))).toThrow('needs a DNS provider');
});
