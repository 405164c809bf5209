import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import { parseResponseHead, type ResponseHeadResult } from './response-head.ts';

const LIMITS = { ...EDGE_LIMITS, responseHeadBytesMax: 512, headFieldsMax: 8 };

function parse(text: string, isHeadRequest = false): ResponseHeadResult {
  const bytes = Buffer.from(text, 'latin1');
  return parseResponseHead(bytes, 0, bytes.length, isHeadRequest, LIMITS);
}

function summary(result: ResponseHeadResult): unknown {
  if (result.kind !== 'head') return result;
  const { end, status, reason, minor, framing, declaredLength, isKeepAlive, keptLines } = result;
  return { end, status, reason, minor, framing, declaredLength, isKeepAlive, keptLines };
}

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', false, { framing: { kind: 'length', bytes: 5 } }],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', false, { framing: { kind: 'chunked' } }],
  ['HTTP/1.1 200 OK\r\n\r\n', false, { framing: { kind: 'until-close' } }],
  ['HTTP/1.1 200\r\n\r\n', false, { status: 200, reason: '' }],
  ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', false, { framing: { kind: 'none' } }],
  [
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    false,
    { framing: { kind: 'none' }, declaredLength: 5 },
  ],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', true, { framing: { kind: 'none' }, declaredLength: 5 }],
  ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n', false, { isKeepAlive: false }],
  ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n', false, { isKeepAlive: true }],
  [
    'HTTP/1.1 200 OK\r\nConnection: X-A, close\r\nX-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n',
    false,
    { isKeepAlive: false, keptLines: 'Set-Cookie: a\r\nSet-Cookie: b\r\n' },
  ],
])('reads %j', (text, isHeadRequest, expected) => {
  expect(parse(text, isHeadRequest)).toMatchObject(expected);
});

test.each([
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 099 X\r\n\r\n',
  'HTTP/1.1 600 X\r\n\r\n',
  'HTTP/1.1 200OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
  'HTTP/1.1 200 O\nK\r\n\r\n',
  'HTTP/1.1 200 OK\nA: b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
  'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
  `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(9)}\r\n`,
  `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(512)}\r\n\r\n`,
])('refuses %j', (text) => {
  expect(parse(text).kind).toBe('rejected');
});

const message = fc
  .tuple(
    fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.0 404', 'HTTP/1.1 1x0 A', 'HTTP/1.1 101 \xff'),
    fc.array(
      fc
        .tuple(
          fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Connection', 'A'),
          fc.constantFrom('5', 'chunked', 'close', 'x\0', ' y '),
          fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
        )
        .map(([name, value, end]) => `${name}: ${value}${end}`),
      { maxLength: 9 },
    ),
  )
  .map(([line, fields]) => `${line}\r\n${fields.join('')}\r\nbody`);

test('gives the same result for every split of the input', () => {
  fc.assert(
    fc.property(message, (text) => {
      const whole = summary(parse(text));
      for (let length = 0; length <= text.length; length++) {
        const part = parse(text.slice(0, length));
        if (part.kind === 'incomplete') continue;
        expect(summary(part)).toEqual(whole);
        return;
      }
      expect(whole).toEqual({ kind: 'incomplete' });
    }),
    { numRuns: 1_000 },
  );
});
