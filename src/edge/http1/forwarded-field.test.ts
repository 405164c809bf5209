import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseForwarded } from './forwarded-field.ts';

const hop = (node: string | null, proto: string | null = null, host: string | null = null) => ({
  node,
  proto,
  host,
});

test.each([
  ['for=192.0.2.43', [hop('192.0.2.43')]],
  ['For="[2001:db8:cafe::17]:4711"', [hop('[2001:db8:cafe::17]:4711')]],
  ['for=192.0.2.60;proto=http;by=203.0.113.43', [hop('192.0.2.60', 'http')]],
  [
    'for=192.0.2.43, for=198.51.100.17;host="a, b;c"',
    [hop('192.0.2.43'), hop('198.51.100.17', null, 'a, b;c')],
  ],
  ['for=unknown;;proto=https;', [hop('unknown', 'https')]],
  ['for="a\\"b"', [hop('a"b')]],
  ['for=_gazonk,', [hop('_gazonk'), hop(null)]],
])('reads %p', (value, hops) => {
  expect(parseForwarded(value)).toEqual(hops);
});

test.each([
  'for',
  'for=',
  '=a',
  'for=a;for=b',
  'for="a',
  'for=a b',
  'for=[::1]',
  'f or=a',
  'for="a"b',
  'for=\\',
])('believes nothing of %p', (value) => {
  expect(parseForwarded(value)).toBeNull();
});

test('whatever can be written is read as it was meant', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '1', ':', '[', ']', '"', '\\', ',', ';', ' ') });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }), (hops) => {
      const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
      const value = hops.map(([node, host]) => `for=${quoted(node)};host=${quoted(host)}`).join(', ');
      expect(parseForwarded(value)).toEqual(hops.map(([node, host]) => hop(node, null, host)));
    }),
  );
});

test('never throws', () => {
  const noise = fc.string({ unit: fc.constantFrom('for', '=', '"', '\\', ',', ';', ' ', 'a') });
  fc.assert(fc.property(noise, (value) => void parseForwarded(value)));
});
