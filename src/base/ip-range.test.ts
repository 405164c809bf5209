import { describe, expect, test } from 'bun:test';
import { isIP } from 'node:net';
import fc from 'fast-check';
import {
  formatIpAddress,
  isInRanges,
  isLoopbackAddress,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from './ip-range.ts';

describe('parseIpAddress', () => {
  test.each([
    ['0.0.0.0', 4, 0n],
    ['10.1.2.3', 4, 0x0a010203n],
    ['255.255.255.255', 4, 0xffffffffn],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['1::', 6, 1n << 112n],
    ['2001:db8::1:2', 6, 0x20010db8000000000000000000010002n],
    ['2001:DB8::', 6, 0x20010db8000000000000000000000000n],
    ['64:ff9b::1.2.3.4', 6, 0x0064ff9b000000000000000001020304n],
    ['::ffff:10.1.2.3', 4, 0x0a010203n],
    ['::ffff:a01:203', 4, 0x0a010203n],
  ] as const)('reads %s', (text, family, value) => {
    expect(parseIpAddress(text)).toEqual({ family, value });
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    '1..2.3',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8::',
    '::1%eth0',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3.4:5',
    'localhost',
  ])('refuses %p', (text) => {
    expect(parseIpAddress(text)).toBeNull();
  });

  test('agrees with node:net on what is an address', () => {
    const anyText = fc.oneof(
      fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
      fc.ipV4(),
      fc.ipV6(),
      fc.tuple(fc.ipV6(), fc.nat(40)).map(([ip, at]) => ip.slice(0, at) + ip.slice(at + 1)),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parseIpAddress(text) !== null).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('parseIpRange', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '203.0.113.9', false],
    ['::/0', '2001:db8::1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['fd00::/8', 'fdff::1', true],
    ['fd00::/8', 'fe00::1', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
    ['::ffff:10.0.0.0/104', '10.1.1.1', true],
  ])('%s against %s: %p', (range, address, isInside) => {
    const parsed = parseIpRange(range);
    expect(parsed).not.toBeNull();
    expect(parsed && isInRanges([parsed], address)).toBe(isInside);
  });

  test.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.1/8',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '::/129',
    '::1/64',
    '::ffff:10.0.0.0/8',
    'example.com/8',
    '10.0.0.0/-1',
  ])('refuses %p', (text) => {
    expect(parseIpRange(text)).toBeNull();
  });

  test('holds exactly the addresses that share the prefix', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 32 }), fc.ipV4(), fc.ipV4(), (bits, a, b) => {
        const base = parseIpAddress(a)?.value ?? 0n;
        const other = parseIpAddress(b);
        const shift = BigInt(32 - bits);
        const first = (base >> shift) << shift;
        const text = [24n, 16n, 8n, 0n].map((by) => (first >> by) & 255n).join('.');
        const range = parseIpRange(`${text}/${bits}`);
        expect(range && other && rangeContains(range, other)).toBe(
          other ? other.value >> shift === base >> shift : null,
        );
      }),
    );
  });
});

test('isLoopbackAddress knows 127.0.0.0/8, ::1 and its mapped form, and nothing else', () => {
  expect(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1'].every(isLoopbackAddress)).toBe(true);
  expect(['0.0.0.0', '128.0.0.1', '::', '::2', 'localhost', ''].some(isLoopbackAddress)).toBe(false);
});

describe('formatIpAddress', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ])('writes %p as %p', (text, written) => {
    const address = parseIpAddress(text);
    expect(address && formatIpAddress(address)).toBe(written);
  });

  test('writes what reads as the same address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseIpAddress(text);
        expect(address && parseIpAddress(formatIpAddress(address))).toEqual(address);
      }),
    );
  });
});
