import { expect, test } from 'bun:test';
import { closestTo } from './closest.ts';

test.each([
  ['http_prot', 'http_port'],
  ['htp_port', 'http_port'],
  ['http_ports', 'http_port'],
  ['workers', 'workers'],
])('%s probably means %s', (word, meant) => {
  expect(closestTo(word, ['http_port', 'workers', 'runtime'])).toBe(meant);
});

test('three typing errors mean nothing', () => {
  expect(closestTo('rnutiem', ['runtime'])).toBe('runtime');
  expect(closestTo('rntm', ['runtime'])).toBeUndefined();
  expect(closestTo('', [])).toBeUndefined();
});
