import { expect, test } from 'bun:test';
import { KnownAddresses } from './known-addresses.ts';

const address = { host: '172.17.0.5', port: 8080, readiness: 'connect' } as const;

test('an address is known until something happened to its instance, or may have', () => {
  const known = new KnownAddresses(() => true);
  known.learn('a', address);
  known.learn('b', address);
  expect(known.find('a')).toEqual(address);
  known.forget('a');
  expect([known.find('a'), known.find('b')]).toEqual([null, address]);
  known.forgetAll();
  expect(known.find('b')).toBeNull();
});

test('nothing is believed while the engine’s events are not heard', () => {
  let isHearing = true;
  const known = new KnownAddresses(() => isHearing);
  known.learn('a', address);
  isHearing = false;
  expect(known.find('a')).toBeNull();
});
