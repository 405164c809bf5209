import { afterEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseRequestHead, type RequestHead } from '../http1/request-head.ts';
import { EDGE_LIMITS } from '../limits.ts';
import { ClientAddress, type RequestOrigin } from './client-address.ts';
import { answering, EdgeFixture } from './edge.fixture.ts';
import { TrustedProxies } from './trusted-proxies.ts';

const TRUSTED = ['10.0.0.0/8', 'fd00::/8'];

function headWith(lines: readonly string[]): RequestHead {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: app.test\r\n${lines.join('')}\r\n`, 'latin1');
  const head = parseRequestHead(bytes, 0, bytes.length, EDGE_LIMITS);
  if (head.kind !== 'head') throw new Error('a bad head');
  return head;
}

function origin(peer: string, ...fields: readonly string[]): RequestOrigin {
  const head = headWith(fields.map((field) => `${field}\r\n`));
  return new ClientAddress(peer, new TrustedProxies(TRUSTED)).origin(head);
}

const forwardedFor = ({ lines }: RequestOrigin): string => /X-Forwarded-For: (.*)\r\n/.exec(lines)?.[1] ?? '';

test('a stranger speaks for itself alone, whatever it says', () => {
  const said = origin(
    '203.0.113.9',
    'X-Forwarded-For: 1.1.1.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'Forwarded: for=1.1.1.1',
  );
  expect(said).toMatchObject({
    address: '203.0.113.9',
    proto: 'http',
    lines: 'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\n',
  });
});

test('a trusted proxy names the client, its protocol and its host', () => {
  const said = origin(
    '10.0.0.1',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: HTTPS',
    'X-Forwarded-Host: public.test:8443',
  );
  expect(said).toMatchObject({
    address: '203.0.113.9',
    proto: 'https',
    lines:
      'X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test:8443\r\n',
  });
});

describe('the client is the rightmost address that is not trusted', () => {
  test.each([
    ['1.1.1.1, 203.0.113.9', '203.0.113.9', '203.0.113.9, 10.0.0.1'],
    ['1.1.1.1, 203.0.113.9, 10.9.9.9', '203.0.113.9', '203.0.113.9, 10.9.9.9, 10.0.0.1'],
    ['10.3.3.3, 10.9.9.9', '10.3.3.3', '10.3.3.3, 10.9.9.9, 10.0.0.1'],
    ['2001:DB8:0::5', '2001:db8::5', '2001:db8::5, 10.0.0.1'],
    ['[2001:db8::5]:4711', '2001:db8::5', '2001:db8::5, 10.0.0.1'],
    ['203.0.113.9:4711', '203.0.113.9', '203.0.113.9, 10.0.0.1'],
    ['::ffff:203.0.113.9', '203.0.113.9', '203.0.113.9, 10.0.0.1'],
    ['203.0.113.9, fd00::1', '203.0.113.9', '203.0.113.9, fd00::1, 10.0.0.1'],
  ])('of %p it is %s', (list, address, sent) => {
    const said = origin('10.0.0.1', `X-Forwarded-For: ${list}`);
    expect([said.address, forwardedFor(said)]).toEqual([address, sent]);
  });
});

describe('what is no address ends the chain', () => {
  test.each([
    ['203.0.113.9, unknown', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.9, , 10.2.2.2', '10.2.2.2', '10.2.2.2, 10.0.0.1'],
    ['', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.009', '10.0.0.1', '10.0.0.1'],
    ['203.0.113.9:', '10.0.0.1', '10.0.0.1'],
    ['[203.0.113.9', '10.0.0.1', '10.0.0.1'],
    ['1.2.3.4.5, 203.0.113.9/24', '10.0.0.1', '10.0.0.1'],
    ['\xff, 10.2.2.2', '10.2.2.2', '10.2.2.2, 10.0.0.1'],
  ])('of %p the client is %s', (list, address, sent) => {
    const said = origin('10.0.0.1', `X-Forwarded-For: ${list}`);
    expect([said.address, forwardedFor(said)]).toEqual([address, sent]);
  });
});

test('several lines are one list, in their order', () => {
  const said = origin('10.0.0.1', 'X-Forwarded-For: 1.1.1.1', 'x-forwarded-for: 203.0.113.9');
  expect(said.address).toBe('203.0.113.9');
});

test('protocol and host come from the hop that named the client, or from the nearest', () => {
  const twice = origin(
    '10.0.0.1',
    'X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.9.9.9',
    'X-Forwarded-Proto: http, https, http',
    'X-Forwarded-Host: evil.test, public.test, inner.test',
  );
  expect([twice.proto, twice.lines.includes('X-Forwarded-Host: public.test\r\n')]).toEqual(['https', true]);
  // A client that put one of its own in front: the lists no longer fit each other.
  const spoofed = origin('10.0.0.1', 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-Proto: https, http');
  expect(spoofed.proto).toBe('http');
});

test.each([
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Proto:',
  'X-Forwarded-Host: a b',
  'X-Forwarded-Host: a,',
])('what cannot be is not believed: %p', (field) => {
  const said = origin('10.0.0.1', 'X-Forwarded-For: 203.0.113.9', field);
  expect(said.lines).toEndWith('X-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\n');
});

test('Forwarded is read where no X-Forwarded field is', () => {
  const field = 'Forwarded: for=6.6.6.6, for="[2001:db8::5]:80";proto=https;host=public.test, for=10.9.9.9';
  const said = origin('fd00::1', field);
  expect(said).toMatchObject({
    address: '2001:db8::5',
    proto: 'https',
    lines:
      'X-Forwarded-For: 2001:db8::5, 10.9.9.9, fd00::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test\r\n',
  });
  expect(origin('10.0.0.1', 'X-Forwarded-Proto: http', field).address).toBe('10.0.0.1');
  expect(origin('10.0.0.1', 'Forwarded: for=203.0.113.9;for=1.1.1.1').address).toBe('10.0.0.1');
});

test('a mapped peer is its IPv4 address, and one with a zone is its address', () => {
  expect(origin('::ffff:10.0.0.1', 'X-Forwarded-For: 1.1.1.1').address).toBe('1.1.1.1');
  expect(origin('fe80::1%eth0').address).toBe('fe80::1');
});

test('nothing a client puts in front of what trusted proxies append changes who it is', () => {
  const anything = fc.string({
    unit: fc.constantFrom('1', '.', ',', ' ', ':', '[', ']', 'f', '10.0.0.2', '"'),
  });
  fc.assert(
    fc.property(anything, fc.constantFrom('203.0.113.9', '2001:db8::5'), (spoofed, client) => {
      const said = origin('10.0.0.1', `X-Forwarded-For: ${spoofed}, ${client}, 10.1.1.1`);
      expect([said.address, forwardedFor(said)]).toEqual([client, `${client}, 10.1.1.1, 10.0.0.1`]);
    }),
  );
});

test('a chain is followed for 32 hops and no further', () => {
  const said = origin('10.0.0.1', `X-Forwarded-For: ${Array(100).fill('10.5.5.5').join(',')}`);
  expect(forwardedFor(said).split(', ').length).toBe(32);
});

test('a range that is none is refused by name', () => {
  expect(() => new TrustedProxies(['10.0.0.1/8'])).toThrow('"10.0.0.1/8"');
});

describe('over sockets', () => {
  let fixture: EdgeFixture;
  afterEach(() => {
    fixture.close();
    expect(fixture.bugs).toEqual([]);
  });

  async function seenFrom(trustedProxies: readonly string[], hostname: string): Promise<string> {
    fixture = new EdgeFixture({}, undefined, { trustedProxies, hostname });
    const seen: string[] = [];
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    fixture.serve([await fixture.upstream(answering(ok, seen))]);
    const client = await fixture.client();
    for (const address of ['203.0.113.9', '203.0.113.10']) {
      client.received = '';
      client.send(`GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 1.1.1.1, ${address}\r\n\r\n`);
      await client.untilContains('ok');
    }
    return seen.map((head) => /X-Forwarded-For: (.*)\r\n/.exec(head)?.[1]).join(' | ');
  }

  test('each request of a proxy’s connection has its own client', async () => {
    expect(await seenFrom(['127.0.0.0/8'], '127.0.0.1')).toBe(
      '203.0.113.9, 127.0.0.1 | 203.0.113.10, 127.0.0.1',
    );
  });

  test('each connection of a stranger has one', async () => {
    expect(await seenFrom(['10.0.0.0/8'], '127.0.0.1')).toBe('127.0.0.1 | 127.0.0.1');
  });

  test('over IPv6 as well', async () => {
    expect(await seenFrom(['::1'], '::1')).toBe('203.0.113.9, ::1 | 203.0.113.10, ::1');
  });
});
