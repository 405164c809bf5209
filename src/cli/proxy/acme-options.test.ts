import { expect, test } from 'bun:test';
import { CommandInput } from '../command-input.ts';
import { acmeOptions, readAcmeSettings } from './acme-options.ts';
import { SettingsInput } from './settings-input.ts';

function read(
  flags: Readonly<Record<string, string | readonly string[]>>,
  env: Record<string, string> = {},
): ReturnType<typeof readAcmeSettings> {
  const options = new Map(acmeOptions.map(({ name }) => [name, flags[name]] as const));
  return readAcmeSettings(new SettingsInput(new CommandInput(new Map(), options), env), env);
}

test('without a word it is Let’s Encrypt, by whatever challenge works, and nobody is written to', () => {
  expect(read({})).toEqual({
    directoryUrl: null,
    stagingDirectoryUrl: null,
    caFile: null,
    externalAccount: null,
    challenge: null,
    dns: null,
    email: null,
  });
});

test('everything can be said by environment variables, secrets only there or in files', () => {
  const settings = read(
    {},
    {
      LUMA_PROXY_ACME_DIRECTORY: 'https://ca.example/dir',
      LUMA_PROXY_LETS_ENCRYPT_EMAIL: 'ops@example.com',
      LUMA_PROXY_ACME_EAB_KEY_ID: 'kid',
      LUMA_PROXY_ACME_EAB_HMAC_KEY: 'hmac',
      LUMA_PROXY_ACME_DNS_PROVIDER: 'cloudflare',
      CLOUDFLARE_API_TOKEN: 'token',
    },
  );
  expect(settings).toMatchObject({
    directoryUrl: 'https://ca.example/dir',
    email: 'ops@example.com',
    externalAccount: { keyId: 'kid', hmacKey: { text: 'hmac' } },
    dns: { provider: 'cloudflare', token: { text: 'token' }, apiUrl: null, resolvers: [] },
  });
});

const wrong: readonly [string, Readonly<Record<string, string | readonly string[]>>, string][] = [
  ['a directory that is no address', { 'acme-directory': 'letsencrypt' }, '"letsencrypt"'],
  ['an address that is no e-mail address', { 'lets-encrypt-email': 'ops' }, 'ops@example.com'],
  ['a kind of challenge that nobody knows', { 'acme-challenge': 'http-02' }, 'http-01, tls-alpn-01, dns-01'],
  ['dns-01 without a provider', { 'acme-challenge': 'dns-01' }, 'needs --acme-dns-provider'],
  ['a provider that Luma does not know', { 'acme-dns-provider': 'route53' }, 'must be cloudflare'],
  ['a provider without its token', { 'acme-dns-provider': 'cloudflare' }, 'needs a token'],
  ['half of an external account', { 'acme-eab-key-id': 'kid' }, '--acme-eab-hmac-key is missing'],
  ['the other half', { 'acme-eab-hmac-key': 'x' }, '--acme-eab-key-id is missing'],
  [
    'a resolver without a port',
    {
      'acme-dns-provider': 'cloudflare',
      'cloudflare-api-token-file': '/t',
      'acme-dns-resolver': ['1.1.1.1'],
    },
    '1.1.1.1:53',
  ],
];

for (const [what, flags, says] of wrong) {
  test(`${what} is wrong use that says what is right`, () => {
    expect(() => read(flags)).toThrow(says);
  });
}
