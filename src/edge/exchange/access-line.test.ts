import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AccessRecord, accessLine } from './access-line.ts';

const record: AccessRecord = {
  endedAt: 1_700_000_000_123,
  service: 'app',
  target: 'app-1',
  method: 'GET',
  host: 'app.test',
  path: '/x?y=1',
  status: 200,
  bytesIn: 0,
  bytesOut: 2,
  durationMs: 1.23456,
  wakeMs: 0,
  client: '127.0.0.1',
  protocol: 'HTTP/1.1',
  requestId: 'abc-1',
  userAgent: 'curl/8',
  isQuiet: false,
  error: null,
};

test('a line is one JSON object with every field', () => {
  expect(JSON.parse(accessLine(record))).toEqual({
    time: '2023-11-14T22:13:20.123Z',
    service: 'app',
    target: 'app-1',
    method: 'GET',
    host: 'app.test',
    path: '/x?y=1',
    status: 200,
    bytes_in: 0,
    bytes_out: 2,
    duration_ms: 1.235,
    wake_ms: null,
    client: '127.0.0.1',
    protocol: 'HTTP/1.1',
    request_id: 'abc-1',
    user_agent: 'curl/8',
    quiet: false,
    error: null,
  });
});

test('whatever a client sends is one line of at most 4,096 bytes', () => {
  // What a head can hold: Latin-1 without control characters, but for the tab.
  const character = fc
    .integer({ min: 0, max: 255 })
    .filter((code) => code === 9 || (code >= 32 && code !== 127))
    .map((code) => String.fromCharCode(code));
  const worst = fc.constantFrom('"', '\\', '\t', 'ÿ');
  const text = fc
    .oneof(fc.array(character, { maxLength: 50 }), fc.array(worst, { minLength: 1, maxLength: 4 }))
    .map((parts) => parts.join('').repeat(2_000));
  fc.assert(
    fc.property(text, (long) => {
      const line = accessLine({
        ...record,
        service: long,
        target: long,
        method: long,
        host: long,
        path: long,
        client: long,
        requestId: long,
        userAgent: long,
        error: long,
        bytesIn: Number.MAX_SAFE_INTEGER,
        bytesOut: Number.MAX_SAFE_INTEGER,
        durationMs: 1e9 + 0.123,
        wakeMs: 1e9 + 0.123,
      });
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4_096);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line).host).toBe(long.slice(0, 255));
    }),
  );
});
