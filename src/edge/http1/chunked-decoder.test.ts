import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';

const LIMITS = { ...EDGE_LIMITS, chunkLineBytesMax: 32, trailerBytesMax: 64, headFieldsMax: 4 };

interface Decoded {
  body: string;
  outcome: 'complete' | 'rejected' | 'more';
  /** Bytes used up to the end of the body. */
  used: number;
  trailers: string[];
}

function decode(pieces: readonly string[]): Decoded {
  const decoder = new ChunkedDecoder(LIMITS);
  let body = '';
  let before = 0;
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    decoder.at = 0;
    for (;;) {
      const step = decoder.step(bytes, bytes.length);
      if (step === 'span') body += bytes.toString('latin1', decoder.spanFrom, decoder.spanTo);
      else if (step === 'more') break;
      else {
        const { trailers } = decoder;
        const names = Array.from({ length: trailers?.count ?? 0 }, (_, i) => trailers?.name(i) ?? '');
        return { body, outcome: step, used: step === 'complete' ? before + decoder.at : -1, trailers: names };
      }
    }
    before += bytes.length;
  }
  return { body, outcome: 'more', used: -1, trailers: [] };
}

test('decodes chunks, throws extensions away and stops exactly at the end', () => {
  expect(decode(['5;a=b\r\nhello\r\nA ;b\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nGET'])).toEqual({
    body: 'hello0123456789',
    outcome: 'complete',
    used: 45,
    trailers: ['X-T'],
  });
});

test.each([
  ['no size', '\r\nhello'],
  ['a size that is no number', 'g\r\n'],
  ['white space after the size', '5 \r\nhello\r\n'],
  ['a second number after the size', '5 5\r\nhello\r\n'],
  ['a sign', '+5\r\nhello\r\n'],
  ['a prefix', '0x5\r\nhello\r\n'],
  ['a size beyond any limit', '1000000000000\r\n'],
  ['a bare line feed after the size', '5\nhello\r\n'],
  ['a bare carriage return after the size', '5\rhello\r\n'],
  ['a bare line feed after the data', '5\r\nhello\n'],
  ['data longer than its size', '5\r\nhello!\r\n'],
  ['a control byte in an extension', '5;\0\r\nhello\r\n'],
  ['a bare line feed in an extension', '5;a\nb\r\nhello\r\n'],
  ['an endless extension', `5;${'a'.repeat(40)}`],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a long trailer section', `0\r\nA: ${'b'.repeat(70)}\r\n\r\n`],
  ['too many trailers', `0\r\n${'A: b\r\n'.repeat(5)}\r\n`],
])('refuses %s', (_what, text) => {
  expect(decode([text]).outcome).toBe('rejected');
  expect(decode([...text]).outcome).toBe('rejected');
});

const pieceOfBody = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30 }).map((data) => {
    const bytes = Buffer.from(data, 'utf8').toString('latin1');
    return `${bytes.length.toString(16)}\r\n${bytes}\r\n`;
  }),
  fc.constantFrom(
    '5\nhello\r\n',
    '3;x\r\nabc\r\n',
    '2 \r\nab\r\n',
    'zz\r\n',
    '0\r\n\r\n',
    '0\r\nA: b\r\n\r\n',
    '5\r\nabc',
  ),
);

test('gives the same body and the same verdict for every split', () => {
  fc.assert(
    fc.property(
      fc.array(pieceOfBody, { maxLength: 6 }),
      fc.array(fc.nat(200), { maxLength: 8 }),
      (parts, cuts) => {
        const text = parts.join('');
        const whole = decode([text]);
        const edges = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length];
        const pieces = edges.slice(1).map((to, index) => text.slice(edges[index], to));
        expect(decode(pieces)).toEqual(whole);
        expect(decode([...text])).toEqual(whole);
      },
    ),
    { numRuns: 1_000 },
  );
});
