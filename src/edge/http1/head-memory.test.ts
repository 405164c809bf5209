import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import { HeadMemory } from './head-memory.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

const HOST = 'Host: a.test\r\n\r\n';

/** As a connection does it. */
function read(
  memory: HeadMemory<RequestHead>,
  bytes: Buffer,
  from = 0,
): { head: RequestHead | null; isKnown: boolean } {
  const known = memory.recall(bytes, from);
  if (known !== null) return { head: known, isKnown: true };
  const head = parseRequestHead(bytes, from, bytes.length, EDGE_LIMITS);
  if (head.kind !== 'head') return { head: null, isKnown: false };
  memory.remember(bytes, from, head.end, head);
  return { head, isKnown: false };
}

test('recalls a head from its third time on, wherever it stands and whatever follows', () => {
  const memory = new HeadMemory<RequestHead>();
  const text = `GET /a HTTP/1.1\r\n${HOST}`;
  expect(read(memory, Buffer.from(text)).isKnown).toBe(false);
  expect(read(memory, Buffer.from(text)).isKnown).toBe(false);
  expect(read(memory, Buffer.from(`${text}GET`)).isKnown).toBe(true);
  const later = read(memory, Buffer.from(`xyz${text}GET`), 3);
  expect(later.isKnown).toBe(true);
  expect(later.head?.length).toBe(text.length);
});

test('knows nothing of heads that are longer than its places, or not complete', () => {
  const memory = new HeadMemory<RequestHead>();
  const long = Buffer.from(`GET /${'a'.repeat(2_100)} HTTP/1.1\r\n${HOST}`);
  for (let time = 0; time < 4; time++) expect(read(memory, long).isKnown).toBe(false);
  for (let time = 0; time < 4; time++)
    expect(read(memory, Buffer.from('GET / HTTP/1.1\r\nHost:')).head).toBeNull();
});

/** Few enough that many meet in one place, and come again. */
const head = fc
  .record({
    target: fc.nat(400),
    line: fc.constantFrom(
      '',
      'A: b\r\n',
      'A: c\r\n',
      'Connection: close\r\n',
      'Content-Length: 3\r\n',
      'A : b\r\n',
    ),
    before: fc.constantFrom('', '\r\n'),
  })
  .map(({ target, line, before }) => `${before}GET /${target} HTTP/1.1\r\n${line}${HOST}`);

test('what it recalls is what parsing would give', () => {
  let recalled = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(head, fc.nat(3)), { minLength: 20, maxLength: 200 }), (heads) => {
      const memory = new HeadMemory<RequestHead>();
      for (const [text, times] of heads) {
        for (let time = 0; time <= times; time++) {
          const bytes = Buffer.from(`${text}abc`, 'latin1');
          const { head: got, isKnown } = read(memory, bytes);
          const parsed = parseRequestHead(bytes, 0, bytes.length, EDGE_LIMITS);
          if (isKnown) recalled++;
          expect(got).toEqual(parsed.kind === 'head' ? parsed : null);
        }
      }
    }),
    { numRuns: 50 },
  );
  expect(recalled).toBeGreaterThan(300);
});
