import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseImageReference } from './image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  test.each([
    ['nginx', 'docker.io', 'nginx', 'latest'],
    ['nginx:1.27', 'docker.io', 'nginx', '1.27'],
    ['nginxdemos/hello', 'docker.io', 'nginxdemos/hello', 'latest'],
    ['localhost/app', 'localhost', 'localhost/app', 'latest'],
    ['localhost:5000/team/app:v1', 'localhost:5000', 'localhost:5000/team/app', 'v1'],
    ['ghcr.io/a/b_c/d--e:V1.2-rc', 'ghcr.io', 'ghcr.io/a/b_c/d--e', 'V1.2-rc'],
    ['[::1]:5000/app', '[::1]:5000', '[::1]:5000/app', 'latest'],
    [`nginx@${digest}`, 'docker.io', 'nginx', digest],
    [`ghcr.io/app:v1@${digest}`, 'ghcr.io', 'ghcr.io/app', digest],
  ])('%s names its registry, repository and version', (text, registry, pullName, pullTag) => {
    expect(parseImageReference(text)).toEqual({ text, registry, pullName, pullTag });
  });

  test('that is an id has no registry: it cannot be pulled', () => {
    expect(parseImageReference(digest)).toMatchObject({ registry: null });
    expect(parseImageReference('b'.repeat(64))).toMatchObject({ registry: null });
  });

  test.each([
    '',
    'Nginx',
    'nginx:',
    ':1',
    'nginx:a b',
    '/nginx',
    'nginx/',
    'a//b',
    '../x',
    'https://ghcr.io/app',
    'nginx@sha256:abc',
    'nginx@',
    `nginx@${digest}@${digest}`,
    'a..b/c/../d',
    'nginx:../../etc',
    'nginx?x=1',
    'nginx#x',
    `x:${'t'.repeat(129)}`,
    'n'.repeat(256),
  ])('%p is refused', (text) => {
    expect(parseImageReference(text)).toBeNull();
  });

  test('never lets a character through that would change the path of the call', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const reference = parseImageReference(text);
        if (reference) expect(reference.text).toMatch(/^[\w.:/@+[\]-]+$/);
        if (reference) expect(reference.text).not.toContain('..');
      }),
      { numRuns: 2_000 },
    );
  });
});
