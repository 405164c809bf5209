import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { EDGE_LIMITS } from '../limits.ts';
import { parseRequestHead, type RequestHeadResult } from './request-head.ts';

const LIMITS = { ...EDGE_LIMITS, requestHeadBytesMax: 512, requestTargetBytesMax: 64, headFieldsMax: 8 };

function parse(text: string): RequestHeadResult {
  const bytes = Buffer.from(text, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, LIMITS);
}

/** Everything that matters of a result. */
function summary(result: RequestHeadResult): unknown {
  if (result.kind !== 'head') return result;
  const { end, method, target, path, minor, host, framing, isKeepAlive, keptLines, upgrade, requestId } =
    result;
  return { end, method, target, path, minor, host, framing, isKeepAlive, keptLines, upgrade, requestId };
}

const HOST = 'Host: a.test\r\n';

test('reads a plain request', () => {
  expect(summary(parse(`GET /a/b?c=d HTTP/1.1\r\n${HOST}Accept: */*\r\n\r\n`))).toMatchObject({
    method: 'GET',
    target: '/a/b?c=d',
    path: '/a/b',
    minor: 1,
    host: { name: 'a.test', text: 'a.test' },
    framing: { kind: 'none' },
    isKeepAlive: true,
    keptLines: `${HOST}Accept: */*\r\n`,
  });
});

test.each([
  ['a missing Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
  ['a Host with a bad port', 'GET / HTTP/1.1\r\nHost: a:x\r\n\r\n', 400],
  ['a Host with a port beyond 65535', 'GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n', 400],
  ['two names in one Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  ['a Host that contradicts the target', `GET http://b.test/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['user information in the target', `GET http://x@a.test/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a target that is no path', `GET a HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a fragment', `GET /#a HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['an asterisk outside OPTIONS', `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a bare line feed after the request line', `GET / HTTP/1.1\n${HOST}\r\n`, 400],
  ['a bare line feed after a field', 'GET / HTTP/1.1\r\nHost: a.test\n\r\n', 400],
  ['a bare carriage return in a value', `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`, 400],
  ['a bare carriage return between lines', `GET / HTTP/1.1\r\n${HOST}\rA: b\r\n\r\n`, 400],
  ['NUL in a value', `GET / HTTP/1.1\r\n${HOST}A: \0\r\n\r\n`, 400],
  ['DEL in a value', `GET / HTTP/1.1\r\n${HOST}A: \x7f\r\n\r\n`, 400],
  ['a folded line', `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`, 400],
  ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`, 400],
  ['a name that is no token', `GET / HTTP/1.1\r\n${HOST}A(b: c\r\n\r\n`, 400],
  ['a line without a colon', `GET / HTTP/1.1\r\n${HOST}A\r\n\r\n`, 400],
  ['an empty name', `GET / HTTP/1.1\r\n${HOST}: c\r\n\r\n`, 400],
  ['two spaces in the request line', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a tab in the request line', `GET\t/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['HTTP/0.9', `GET /\r\n`, 400],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
  ['a lower-case protocol', `GET / http/1.1\r\n${HOST}\r\n`, 400],
  ['a version with two digits', `GET / HTTP/1.10\r\n${HOST}\r\n`, 400],
  ['CONNECT', `CONNECT a.test:80 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ['both framings', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
  [
    'two lengths, though equal',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`,
    400,
  ],
  ['a list of lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\n`, 400],
  ['a signed length', `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\n`, 400],
  ['a hexadecimal length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\n`, 400],
  ['an empty length', `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`, 400],
  ['a length beyond numbers', `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\n`, 413],
  ['chunked that is not last', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`, 400],
  ['chunked twice', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n`, 400],
  [
    'chunked in two fields',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
  ],
  ['identity', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n`, 400],
  ['a look-alike of chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n`, 400],
  ['a quoted chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: "chunked"\r\n\r\n`, 400],
  ['an empty transfer coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n\r\n`, 400],
  ['gzip before chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
  ['chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`, 400],
  ['an unknown expectation', `POST / HTTP/1.1\r\n${HOST}Expect: magic\r\nContent-Length: 1\r\n\r\n`, 417],
  ['a long target', `GET /${'a'.repeat(64)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ['too many fields', `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(8)}\r\n`, 431],
  ['a large head', `GET / HTTP/1.1\r\n${HOST}A: ${'b'.repeat(512)}\r\n\r\n`, 431],
  ['an endless method', 'A'.repeat(40), 501],
])('refuses %s', (_what, text, status) => {
  expect(parse(text)).toMatchObject({ kind: 'rejected', status });
});

test('takes exactly the limits of target, fields and head', () => {
  expect(parse(`GET /${'a'.repeat(63)} HTTP/1.1\r\n${HOST}\r\n`).kind).toBe('head');
  expect(parse(`GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(7)}\r\n`).kind).toBe('head');
  const start = `GET / HTTP/1.1\r\n${HOST}A: `;
  expect(parse(`${start}${'b'.repeat(512 - start.length - 4)}\r\n\r\n`).kind).toBe('head');
  expect(parse(`${start}${'b'.repeat(513 - start.length - 4)}\r\n\r\n`)).toMatchObject({ status: 431 });
});

test('an absolute target names the host, and goes on in origin form', () => {
  expect(summary(parse(`GET http://A.test?q HTTP/1.1\r\nHost: a.TEST\r\n\r\n`))).toMatchObject({
    target: '/?q',
    path: '/',
    host: { name: 'a.test' },
  });
});

test.each([
  ['EXAMPLE.test.', 'example.test'],
  ['example.test:8080', 'example.test'],
  ['[::1]:80', '::1'],
  ['10.0.0.1', '10.0.0.1'],
])('compares the host %s as %s', (text, name) => {
  expect(parse(`GET / HTTP/1.1\r\nHost: ${text}\r\n\r\n`)).toMatchObject({ host: { name, text } });
});

test('keep-alive follows version and options', () => {
  const isKeepAlive = (version: string, connection: string): unknown => {
    const result = parse(`GET / HTTP/${version}\r\n${HOST}${connection}\r\n`);
    return result.kind === 'head' && result.isKeepAlive;
  };
  expect(isKeepAlive('1.1', '')).toBe(true);
  expect(isKeepAlive('1.1', 'Connection: Close\r\n')).toBe(false);
  expect(isKeepAlive('1.0', '')).toBe(false);
  expect(isKeepAlive('1.0', 'Connection: Keep-Alive\r\n')).toBe(true);
  expect(isKeepAlive('1.0', 'Connection: keep-alive, close\r\n')).toBe(false);
});

test('drops hop-by-hop and listed fields, keeps order, case and duplicates', () => {
  const result = parse(
    `GET / HTTP/1.1\r\nX-b: 1\r\n${HOST}Connection: x-B, close\r\nx-A: 1\r\nX-a: 2\r\nKeep-Alive: 5\r\nTE: gzip\r\n\r\n`,
  );
  expect(result).toMatchObject({ keptLines: `${HOST}x-A: 1\r\nX-a: 2\r\n` });
});

test('believes a client that takes trailers, also where it does not say that TE is for the next hop', () => {
  const acceptsTrailers = (fields: string): unknown => {
    const result = parse(`GET / HTTP/1.1\r\n${HOST}${fields}\r\n`);
    return result.kind === 'head' ? result.acceptsTrailers : result;
  };
  expect(acceptsTrailers('TE: trailers\r\nConnection: TE\r\n')).toBe(true);
  expect(acceptsTrailers('TE: deflate;q=0.5, Trailers\r\nConnection: keep-alive\r\n')).toBe(true);
  expect(acceptsTrailers('TE: trailers\r\n')).toBe(true);
  expect(acceptsTrailers('TE: gzip\r\n')).toBe(false);
  expect(acceptsTrailers('')).toBe(false);
});

test('Connection cannot take away what the next hop needs', () => {
  const result = parse(`GET / HTTP/1.1\r\n${HOST}Connection: host, cookie\r\nCookie: a\r\n\r\n`);
  expect(result).toMatchObject({ keptLines: `${HOST}Cookie: a\r\n` });
});

test('passes an upgrade on only where it can become a tunnel', () => {
  const upgradeOf = (fields: string): unknown => {
    const result = parse(`GET / HTTP/1.1\r\n${HOST}${fields}\r\n`);
    return result.kind === 'head' ? result.upgrade : result;
  };
  expect(upgradeOf('Connection: Upgrade\r\nUpgrade: websocket\r\n')).toBe('websocket');
  expect(upgradeOf('Upgrade: websocket\r\n')).toBeNull();
  expect(
    upgradeOf('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n'),
  ).toBeNull();
  expect(upgradeOf('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n')).toBeNull();
});

test('never believes what a client says about being forwarded', () => {
  const result = parse(
    `GET / HTTP/1.1\r\n${HOST}X-Forwarded-For: 1\r\nX-FORWARDED-PROTO: 1\r\nX_Forwarded_Host: 1\r\nX-Forwarded-By: 1\r\nForwarded: x\r\n\r\n`,
  );
  expect(result).toMatchObject({ keptLines: HOST });
});

const fieldName = fc.constantFrom(
  'Host',
  'A',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Expect',
  'x-y',
);
const fieldValue = fc.oneof(
  fc.constantFrom(
    'a.test',
    '5',
    'chunked',
    'close',
    'keep-alive',
    '100-continue',
    '',
    ' x ',
    '\t',
    'gzip, chunked',
  ),
  fc.string({ maxLength: 12 }),
);
const lineEnd = fc.oneof(
  { arbitrary: fc.constant('\r\n'), weight: 20 },
  { arbitrary: fc.constantFrom('\n', '\r', '\r\n ', '\0\r\n'), weight: 1 },
);
const field = fc
  .tuple(fieldName, fc.constantFrom(':', ': ', ' :'), fieldValue, lineEnd)
  .map((parts) => parts.join(''));
const message = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'OPTIONS', 'G(T', ''),
    fc.constantFrom('/', '/a?b', '*', 'http://a.test/x', '/\0', ''),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.', 'http/1.1'),
    lineEnd,
    fc.array(field, { maxLength: 10 }),
  )
  .map(
    ([method, target, version, end, fields]) =>
      `${method} ${target} ${version}${end}${fields.join('')}\r\nrest`,
  );

test('gives the same result for every split of the input', () => {
  fc.assert(
    fc.property(message, (text) => {
      const whole = summary(parse(text));
      for (let length = 0; length <= text.length; length++) {
        const part = parse(text.slice(0, length));
        if (part.kind !== 'incomplete') {
          expect(summary(part)).toEqual(whole);
          return;
        }
      }
      expect(whole).toEqual({ kind: 'incomplete' });
    }),
    { numRuns: 2_000 },
  );
});

test('gives the same result wherever in the buffer the head begins', () => {
  fc.assert(
    fc.property(message, fc.string({ maxLength: 20 }), (text, before) => {
      const bytes = Buffer.from(before + text, 'latin1');
      const from = before.length;
      const shifted = parseRequestHead(bytes, from, bytes.length, LIMITS);
      const plain = parse(text);
      if (shifted.kind === 'head') shifted.end -= from;
      expect(summary(shifted)).toEqual(summary(plain));
    }),
    { numRuns: 500 },
  );
});

test('never throws on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const bytes = Buffer.from(noise);
      expect(['head', 'rejected', 'incomplete']).toContain(
        parseRequestHead(bytes, 0, bytes.length, LIMITS).kind,
      );
    }),
  );
});
