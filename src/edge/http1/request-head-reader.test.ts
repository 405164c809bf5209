import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import { writeRequestFields, writeRequestLine, writeRequestRest } from './head-writer.ts';
import { parseRequestHead, type RequestHeadResult } from './request-head.ts';
import { RequestHeadReader } from './request-head-reader.ts';

const LIMITS = { ...EDGE_LIMITS, requestHeadBytesMax: 300, requestTargetBytesMax: 120 };

/** All that anybody may ask of a head, also what is written of it. */
function meaning(result: RequestHeadResult): unknown {
  if (result.kind !== 'head') return result;
  const { end: _end, fields, writtenLine: _line, writtenFields: _fields, ...rest } = result;
  const named = Array.from({ length: fields.count }, (_, index) => [fields.name(index), fields.value(index)]);
  const sent =
    writeRequestLine(result, result.target) +
    writeRequestFields(result, 'X: y\r\n') +
    writeRequestRest(result);
  return { ...rest, named, sent, hasBody: result.hasBody, accept: fields.first('accept') };
}

const line = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'GET', 'POST', 'OPTIONS', 'TRACE', 'CONNECT', 'G@T', 'M'.repeat(40)),
    fc.constantFrom(
      '/a',
      '/a',
      '/b?c',
      '/b#c',
      '*',
      'http://a.test/d',
      'https://a.test/',
      'x',
      `/${'a'.repeat(100)}`,
    ),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0'),
    fc.constantFrom('', '', '', '\r\n'),
  )
  .map(([method, target, version, before]) => `${before}${method} ${target} ${version}\r\n`);

const fields = fc.constantFrom(
  'Host: a.test\r\n',
  'Host: a.test\r\nAccept: */*\r\n',
  'Host: b.test\r\nMax-Forwards: 3\r\n',
  'Host: a.test\r\nMax-Forwards: 0\r\n',
  'Host: a.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n',
  'Host: a.test\r\nTransfer-Encoding: chunked\r\n',
  'Host: a.test\r\nConnection: close, x\r\nX: 1\r\nTE: trailers\r\n',
  'Host: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
  'Host: a.test\r\nConnection: keep-alive\r\nX-Request-ID: abc\r\n',
  `Host: a.test\r\nA: ${'b'.repeat(200)}\r\n`,
  'Host : a.test\r\n',
  'A: b\r\n',
  '',
);

const after = fc.constantFrom('', 'abc', 'GET / HTTP/1.1\r\nA: b\r\n\r\n');

test('what it reads is what parsing gives, whatever it has read before', () => {
  let sharedCount = 0;
  fc.assert(
    fc.property(
      // Runs of the same fields, as a client sends them, behind lines of all kinds.
      fc.array(fc.tuple(fields, fc.array(fc.tuple(line, after, fc.nat(3)), { minLength: 1, maxLength: 9 })), {
        minLength: 20,
        maxLength: 40,
      }),
      (runs) => {
        const reader = new RequestHeadReader(LIMITS);
        const seen = new Set<unknown>();
        const messages = runs.flatMap(([own, lines]) => lines.map((one) => [own, ...one] as const));
        for (const [own, first, rest, from] of messages) {
          const bytes = Buffer.from(`${'x'.repeat(from)}${first}${own}\r\n${rest}`, 'latin1');
          const read = reader.read(bytes, from);
          expect(meaning(read)).toEqual(meaning(parseRequestHead(bytes, from, bytes.length, LIMITS)));
          if (read.kind !== 'head') continue;
          if (seen.has(read.fields)) sharedCount++;
          seen.add(read.fields);
        }
      },
    ),
    { numRuns: 300 },
  );
  // Many were really recalled.
  expect(sharedCount).toBeGreaterThan(200);
});

test('knows fields again behind another line', () => {
  const reader = new RequestHeadReader(LIMITS);
  const read = (target: string): RequestHeadResult =>
    reader.read(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`), 0);
  const [, second, third] = [read('/1'), read('/2'), read('/3?4')];
  if (second?.kind !== 'head' || third?.kind !== 'head') throw new Error('no heads');
  expect(third.fields).toBe(second.fields);
  expect(third).toMatchObject({ method: 'GET', target: '/3?4', path: '/3' });
});
