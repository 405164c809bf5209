import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { BYTE_SIZE_MAX, formatByteSize, parseByteSize } from './byte-size.ts';

test('reads what people write', () => {
  expect(parseByteSize('0')).toBe(0);
  expect(parseByteSize('2048')).toBe(2_048);
  expect(parseByteSize('500KB')).toBe(512_000);
  expect(parseByteSize('10mb')).toBe(10 * 1024 * 1024);
  expect(parseByteSize('1.5GB')).toBe(1.5 * 1024 ** 3);
});

test('refuses what is no size: a sign, a blank, another unit, a part of a byte, more than there is', () => {
  for (const text of ['', '-1', '+1', '1 MB', '1M', 'MB', '1TB', '1.5', '0.3KB', '1e3', '1025GB'])
    expect(parseByteSize(text)).toBeNull();
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: BYTE_SIZE_MAX }), (bytes) => {
      expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
    }),
  );
  expect(formatByteSize(10 * 1024 * 1024)).toBe('10MB');
  expect(formatByteSize(1_000)).toBe('1000B');
});
