import { describe, expect, test } from 'bun:test';
import { isDurationWithin } from './duration-range.ts';
import { checkEnvName } from './environment.ts';
import { checkHostname } from './hostname.ts';
import { checkImageReference } from './image-reference.ts';
import { checkOriginForm } from './origin-form.ts';
import { checkProjectName } from './project-name.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** What each rule lets pass, and the code with which it refuses. */
const cases = {
  'project name': {
    rule: checkProjectName,
    good: ['a', '0', 'my-nginx-app', 'a--b', 'a'.repeat(63)],
    bad: { '': 'required', 'a-': 'not_a_dns_label', Ä: 'not_a_dns_label', ['a'.repeat(64)]: 'too_long' },
  },
  hostname: {
    rule: checkHostname,
    good: [
      'localhost',
      'intranet',
      'app.localhost',
      'APP.Localhost',
      '*.localhost',
      '*.a.example.com',
      'xn--bcher-kva.example',
      '0.example',
      `${'a'.repeat(63)}.x`,
    ],
    bad: {
      '': 'required',
      '1.2.3.4': 'is_an_address',
      '::1': 'is_an_address',
      'a.b:': 'has_a_port',
      'a*.b': 'bad_wildcard',
      '*.*.b': 'bad_wildcard',
      '*.': 'trailing_dot',
      'a.123': 'not_a_hostname',
      'a b': 'not_a_hostname',
      'user@host': 'not_a_hostname',
      日本: 'not_ascii',
      'ﬃ.example': 'not_ascii',
    },
  },
  image: {
    rule: checkImageReference,
    good: [
      'nginx',
      'nginx:1.27',
      'nginxdemos/hello',
      'docker.io/library/nginx:latest',
      'localhost:5000/app',
      'localhost/app',
      '127.0.0.1:5000/team/app:v1',
      '[::1]:5000/app',
      'GHCR.io/owner/app',
      `app@${digest}`,
      `registry.example.com/a/b/c:tag@${digest}`,
      'a__b/c-d.e--f:_T.a-G',
      `app:${'t'.repeat(128)}`,
    ],
    bad: {
      '': 'required',
      Nginx: 'upper_case',
      'nginx:': 'not_an_image',
      ':latest': 'not_an_image',
      'nginx:a:b': 'not_an_image',
      '/nginx': 'not_an_image',
      'a//b': 'not_an_image',
      'a..b': 'not_an_image',
      'a_-b': 'not_an_image',
      '-a': 'not_an_image',
      'app@sha256:abc': 'not_an_image',
      'nginx\n': 'not_an_image',
      'nginx latest': 'not_an_image',
      'https://nginx': 'not_an_image',
      [`app:${'t'.repeat(129)}`]: 'not_an_image',
      [`${'a/'.repeat(130)}b`]: 'too_long',
      ['a'.repeat(100_000)]: 'too_long',
    },
  },
  'variable name': {
    rule: checkEnvName,
    good: ['A', '_', 'a1', 'PORTAL', 'MY_PORT', 'KEY', 'k_service', 'LUMAX', 'port'],
    bad: {
      PORT: 'reserved',
      K_: 'reserved',
      K_REVISION: 'reserved',
      LUMA_: 'reserved',
      '': 'not_a_variable',
      'A ': 'not_a_variable',
      É: 'not_a_variable',
      'A\n': 'not_a_variable',
      ['A'.repeat(256)]: 'too_long',
    },
  },
  'origin form': {
    rule: checkOriginForm,
    good: ['/', '/healthz', '/a/b?c=d&e=%20', "/~!$&'()*+,;=:@", '/?a=b?c/d'],
    bad: {
      '': 'not_a_path',
      healthz: 'not_a_path',
      '*': 'not_a_path',
      '/a b': 'not_a_path',
      '/a#b': 'not_a_path',
      '/%zz': 'not_a_path',
      '/ü': 'not_a_path',
      '/a\n': 'not_a_path',
      [`/${'a'.repeat(4_096)}`]: 'too_long',
    },
  },
  duration: {
    rule: isDurationWithin(50, 60_000, 'never'),
    good: ['never', '50ms', '0.05s', '1m', '59s999ms'],
    bad: {
      '': 'not_a_duration',
      '5': 'not_a_duration',
      Never: 'not_a_duration',
      '49ms': 'out_of_range',
      '0': 'out_of_range',
      '1m1ms': 'out_of_range',
      '1s1m': 'not_a_duration',
    },
  },
} as const;

for (const [name, { rule, good, bad }] of Object.entries(cases)) {
  describe(name, () => {
    test('lets pass what is right', () => {
      for (const text of good) expect([text, rule(text)]).toEqual([text, null]);
    });

    test('refuses what is wrong, with a code for it', () => {
      for (const [text, code] of Object.entries(bad)) expect([text, rule(text)?.code]).toEqual([text, code]);
    });
  });
}

test('a foreign hostname is told its ASCII form', () => {
  expect(checkHostname('bücher.example')?.message).toContain('xn--bcher-kva.example');
});

test('no rule takes long over a text made to be hard', () => {
  const hard = [
    'a'.repeat(600),
    'a-'.repeat(300),
    'a.'.repeat(300),
    '*.'.repeat(300),
    '%20'.repeat(300),
    '[:'.repeat(300),
  ];
  const startedAt = performance.now();
  for (const { rule } of Object.values(cases)) for (const text of hard) rule(`${text}!`);
  // Backtracking would take for ever; a second is for the slowest machine.
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
