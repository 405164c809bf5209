import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  formatAuthority,
  hostMatches,
  isHostName,
  isWildcardHost,
  normalizeHost,
  parseAuthority,
  wildcardOf,
} from './host-name.ts';

describe('isHostName', () => {
  test.each([
    'localhost',
    'myapp.localhost',
    'a',
    '1a.example',
    'xn--bcher-kva.example',
    'a-b.c',
    `${'a'.repeat(63)}.com`,
  ])('takes %s', (text) => {
    expect(isHostName(text)).toBe(true);
  });

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a.-b',
    'a_b',
    'A.com',
    'a b',
    'bücher.example',
    `${'a'.repeat(64)}.com`,
    '10.0.0.1',
    'a.1',
    '*',
    '*.a',
    'a/b',
    'a:80',
    'a\n',
  ])('refuses %p', (text) => {
    expect(isHostName(text)).toBe(false);
  });

  test('takes 253 characters and refuses 254', () => {
    const name = (length: number): string => `${'a.'.repeat(200).slice(0, length - 1)}a`.replace('..', '.a');
    expect(isHostName(name(253))).toBe(true);
    expect(isHostName(`${name(253)}a`)).toBe(false);
  });
});

describe('isWildcardHost', () => {
  test('takes one star in front', () => {
    expect(isWildcardHost('*.example.com')).toBe(true);
    expect(isWildcardHost('*.localhost')).toBe(true);
    for (const text of ['*', '*.', 'a.*.com', '*a.com', '*.*.com', '**.com']) {
      expect(isWildcardHost(text)).toBe(false);
    }
  });
});

describe('normalizeHost', () => {
  test.each([
    ['MyApp.Localhost', 'myapp.localhost'],
    ['example.com.', 'example.com'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['[2001:DB8::A]', '2001:db8::a'],
  ])('%s is %s', (text, host) => {
    expect(normalizeHost(text)).toBe(host);
  });

  test.each(['', 'a..', '[127.0.0.1]', '[::1', '::1]', '[]', '1.2.3', 'a b', 'a:80', '127.0.0.1.'])(
    'refuses %p',
    (text) => {
      expect(normalizeHost(text)).toBeNull();
    },
  );

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.string()), (text) => {
        const host = normalizeHost(text);
        if (host !== null) expect(normalizeHost(host)).toBe(host);
      }),
    );
  });
});

describe('parseAuthority', () => {
  test.each([
    ['example.com', 'example.com', null],
    ['Example.com:8080', 'example.com', 8080],
    ['example.com.:80', 'example.com', 80],
    ['example.com:', 'example.com', null],
    ['127.0.0.1:65535', '127.0.0.1', 65_535],
    ['[::1]', '::1', null],
    ['[::1]:443', '::1', 443],
  ])('reads %s', (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port });
  });

  test.each([
    '',
    ':80',
    'a:65536',
    'a:b',
    'a:80:80',
    '::1',
    '::1:80',
    '[::1]80',
    '[::1',
    'a@b',
    'user@a:80',
    'a/b',
    'a?b',
    'a,b',
    'a:+80',
    'a: 80',
  ])('refuses %p', (text) => {
    expect(parseAuthority(text)).toBeNull();
  });

  test('reads back what formatAuthority writes', () => {
    const hosts = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (text, port) => {
        const host = text.toLowerCase();
        expect(parseAuthority(formatAuthority(host, port))).toEqual({ host, port });
      }),
    );
  });
});

describe('wildcards', () => {
  test('cover one level and nothing else', () => {
    expect(hostMatches('*.example.com', 'a.example.com')).toBe(true);
    expect(hostMatches('*.example.com', 'example.com')).toBe(false);
    expect(hostMatches('*.example.com', 'a.b.example.com')).toBe(false);
    expect(hostMatches('example.com', 'example.com')).toBe(true);
    expect(hostMatches('*.0.0.1', '127.0.0.1')).toBe(false);
  });

  test('wildcardOf names the one that would match', () => {
    expect(wildcardOf('a.b.example.com')).toBe('*.b.example.com');
    expect(wildcardOf('localhost')).toBeNull();
    expect(wildcardOf('127.0.0.1')).toBeNull();
    expect(wildcardOf('::1')).toBeNull();
  });
});
