import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { registryHost } from './registry.ts';

const cases: readonly (readonly [string, string | null])[] = [
  ['ghcr.io', 'ghcr.io'],
  ['GHCR.io', 'ghcr.io'],
  ['localhost:5000', 'localhost:5000'],
  ['[::1]:5000', '[::1]:5000'],
  ['https://registry.example.com/', 'registry.example.com'],
  ['https://registry.example.com:8443/v2/', 'registry.example.com:8443'],
  ['docker.io', 'docker.io'],
  ['index.docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['https://index.docker.io/v1/', 'docker.io'],
  [' ghcr.io\n', 'ghcr.io'],
  ['', null],
  ['-a', null],
  ['a..b', null],
  ['a:0', null],
  ['a:65536', null],
  ['user@host', null],
  ['two words', null],
  ['a'.repeat(256), null],
];

test.each(cases)('the registry %j is %j', (text, host) => {
  expect(registryHost(text)).toBe(host);
});

test('the normal form is its own normal form', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.domain(), fc.webUrl()), (text) => {
      const host = registryHost(text);
      return host === null || registryHost(host) === host;
    }),
  );
});
