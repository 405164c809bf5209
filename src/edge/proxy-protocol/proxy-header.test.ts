import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseProxyHeader } from './proxy-header.ts';

const BYTES_MAX = 4_096;
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

const parse = (text: string | Buffer) =>
  parseProxyHeader(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, BYTES_MAX);

function v2(command: number, kind: number, body: Buffer, length = body.length): Buffer {
  const head = Buffer.from([0x20 | command, kind, length >> 8, length & 0xff]);
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), head, body]);
}

const inet = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80]);
const inet6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000005', 'hex'),
  Buffer.alloc(16),
  Buffer.from([1, 2, 3, 4]),
]);

test.each([
  ['PROXY TCP4 203.0.113.9 10.0.0.1 4660 80\r\n', '203.0.113.9'],
  ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255'],
  ['PROXY TCP6 2001:db8::5 ::1 0 80\r\n', '2001:db8::5'],
  [
    `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    `${'ffff:'.repeat(7)}ffff`,
  ],
  ['PROXY UNKNOWN\r\n', null],
  ['PROXY UNKNOWN ffff::ffff whatever 1\r\n', null],
])('reads version 1: %p', (line, source) => {
  expect(parse(`${line}GET /`)).toEqual({ kind: 'header', end: line.length, source });
});

test.each([
  ['GET / HTTP/1.1\r\n'],
  ['PROXY\r\n'],
  ['proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n'],
  ['PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n'],
  ['PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n'],
  ['PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n'],
  ['PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'],
  ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n'],
  [`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
])('refuses %p', (line) => {
  expect(parse(line).kind).toBe('rejected');
});

test('reads version 2', () => {
  expect(parse(v2(1, 0x11, inet))).toEqual({ kind: 'header', end: 28, source: '203.0.113.9' });
  expect(parse(v2(1, 0x21, inet6))).toEqual({ kind: 'header', end: 52, source: '2001:db8:0:0:0:0:0:5' });
});

test('skips extensions, and what comes after the header is not its own', () => {
  const extensions = Buffer.from([4, 0, 3, 1, 2, 3, 0xee, 0, 0]);
  const header = v2(1, 0x11, Buffer.concat([inet, extensions]));
  expect(parse(Buffer.concat([header, Buffer.from('GET')]))).toEqual({
    kind: 'header',
    end: header.length,
    source: '203.0.113.9',
  });
});

test('a proxy that speaks for itself, or of no TCP address, leaves the socket’s', () => {
  const unix = Buffer.alloc(216);
  const all = [v2(0, 0, Buffer.alloc(0)), v2(0, 0x11, inet), v2(0, 0xff, Buffer.alloc(3)), v2(1, 0, inet)];
  all.push(v2(1, 0x31, unix), v2(1, 0x32, unix), v2(1, 0x12, inet), v2(1, 0x22, inet6), v2(1, 0x10, inet));
  for (const header of all) {
    expect(parse(header)).toEqual({ kind: 'header', end: header.length, source: null });
  }
});

test('refuses what version 2 does not know, and what contradicts itself', () => {
  const bad = [v2(2, 0x11, inet), v2(1, 0x41, inet), v2(1, 0x13, inet), v2(1, 0x11, inet.subarray(1))];
  bad.push(v2(1, 0x21, inet), v2(1, 0x11, inet, BYTES_MAX - 15));
  const otherVersion = v2(1, 0x11, inet);
  otherVersion[12] = 0x31;
  for (const header of [...bad, otherVersion]) expect(parse(header).kind).toBe('rejected');
});

const extensions = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const address4 = fc.ipV4();
const port = fc.integer({ min: 0, max: 65_535 });
const line = fc
  .oneof(
    fc.tuple(fc.constant('TCP4'), address4, address4, port, port),
    fc.tuple(fc.constant('TCP6'), fc.ipV6(), fc.ipV6(), port, port),
    fc.constant(['UNKNOWN']),
  )
  .map((words) => Buffer.from(`PROXY ${words.join(' ')}\r\n`, 'latin1'));
const binary = fc
  .tuple(fc.constantFrom(0, 1), fc.constantFrom(0x11, 0x21, 0x00, 0x12), extensions)
  .map(([command, kind, more]) => v2(command, kind, Buffer.concat([kind === 0x21 ? inet6 : inet, more])));
const header = fc.oneof(line, binary);

test('every part of a header is incomplete and never taken for another', () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 8 }), (bytes, rest) => {
      for (let to = 0; to < bytes.length; to++)
        expect(parse(bytes.subarray(0, to))).toEqual({ kind: 'incomplete' });
      const whole = parse(bytes);
      expect(whole).toMatchObject({ kind: 'header', end: bytes.length });
      expect(parse(Buffer.concat([bytes, rest]))).toEqual(whole);
    }),
  );
});

test('whatever comes, more bytes never change an answer, and never is more waited for than allowed', () => {
  const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const mutated = fc.tuple(header, fc.nat(300), fc.nat(255)).map(([bytes, at, value]) => {
    const copy = Buffer.from(bytes);
    copy[at % copy.length] = value;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(noise, mutated), noise, (bytes, more) => {
      const first = parse(bytes);
      const second = parse(Buffer.concat([bytes, more]));
      if (first.kind !== 'incomplete') expect(second).toEqual(first);
      expect(parse(Buffer.concat([bytes, Buffer.alloc(BYTES_MAX)])).kind).not.toBe('incomplete');
    }),
  );
});
