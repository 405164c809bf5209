import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { HpackDecoder } from './hpack-decoder.ts';
import { HeaderBlock } from './hpack-encoder.ts';

type Field = [name: string, value: string];

function decode(decoder: HpackDecoder, block: Buffer): Field[] | string {
  const fields: Field[] = [];
  const reason = decoder.decode(block, 0, block.length, {
    field: (name, value) => fields.push([name, value]),
  });
  return reason ?? fields;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

const FIRST: Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'www.example.com'],
];
const SECOND: Field[] = [...FIRST, ['cache-control', 'no-cache']];
const THIRD: Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/index.html'],
  [':authority', 'www.example.com'],
  ['custom-key', 'custom-value'],
];

test.each([
  [
    'without Huffman codes (RFC 7541 C.3)',
    '828684410f7777772e6578616d706c652e636f6d',
    '828684be58086e6f2d6361636865',
    '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
  ],
  [
    'with them (RFC 7541 C.4)',
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ],
])('requests of one connection, %s', (_name, first, second, third) => {
  const decoder = new HpackDecoder();
  expect(decode(decoder, hex(first))).toEqual(FIRST);
  expect(decode(decoder, hex(second))).toEqual(SECOND);
  expect(decode(decoder, hex(third))).toEqual(THIRD);
});

test('the oldest entries give way in a table of 256 bytes (RFC 7541 C.6)', () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex('3fe101'));
  const first = decode(
    decoder,
    hex(
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    ),
  );
  expect(first).toEqual([
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
  expect(decode(decoder, hex('4883640effc1c0bf'))).toEqual([
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
});

test.each([
  ['an index that is in no table', '80', 'ff00'],
  ['a number beyond any limit', 'ffffffffffff', '7fffffffffffff'],
  ['a string that is cut off', '400a6375', '8286400a'],
  ['a malformed Huffman code', '418130', '4184ffffffff'],
  ['a table that is larger than allowed', '3fe21f', '3fff7f'],
  ['a change of the table size behind a field', '8220', '823f00'],
])('is %s', (_name, first, second) => {
  for (const block of [first, second]) expect(decode(new HpackDecoder(), hex(block))).toBeString();
});

test('an entry larger than the table empties it', () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex('3f01'));
  expect(decode(decoder, hex('410f7777772e6578616d706c652e636f6d'))).toHaveLength(1);
  expect(decode(decoder, hex('be'))).toBe('an index that is in no table');
});

const fieldName = fc.stringMatching(/^[a-z0-9-]{1,40}$/);

const byte = fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code));
const fieldValue = fc.string({ unit: byte });

test('what is encoded is decoded as it was, whatever came before', () => {
  const decoder = new HpackDecoder();
  fc.assert(
    fc.property(fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 20 }), (fields) => {
      const block = new HeaderBlock(1);
      for (const [name, value] of fields) block.field(name, value);
      expect(decode(decoder, block.bytes())).toEqual(fields);
    }),
  );
});

test('lines become fields, in lower case and without the space around values', () => {
  const block = new HeaderBlock();
  block.lines('Content-Type:  text/plain \r\nX-Empty:\r\n');
  expect(decode(new HpackDecoder(), block.bytes())).toEqual([
    ['content-type', 'text/plain'],
    ['x-empty', ''],
  ]);
});

test('no bytes make it throw, and what it takes of memory is bounded', () => {
  const decoder = new HpackDecoder();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const result = decode(decoder, Buffer.from(bytes));
      return typeof result === 'string' || result.length <= bytes.length;
    }),
    { numRuns: 2_000 },
  );
});
