/** What `luma-proxy run` can be told about automatic certificates, with its defaults. Files are named here, and read by `bin`. */
import type { OptionSpec } from '../command.ts';
import { wrongUse } from '../command-input.ts';
import type { Environment, SettingsInput } from './settings-input.ts';
import { variableOf } from './settings-input.ts';

export interface AcmeRunSettings {
  /** Null: Let's Encrypt. */
  readonly directoryUrl: string | null;
  readonly stagingDirectoryUrl: string | null;
  readonly caFile: string | null;
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: Secret } | null;
  readonly challenge: ChallengeKind | null;
  readonly dns: {
    readonly provider: 'cloudflare';
    readonly token: Secret;
    /** Null: Cloudflare's own. */
    readonly apiUrl: string | null;
    readonly resolvers: readonly string[];
  } | null;
  readonly email: string | null;
}

/** Said outright, or in a file. */
export type Secret = { readonly text: string } | { readonly file: string; readonly flag: string };

const CHALLENGES = ['http-01', 'tls-alpn-01', 'dns-01'] as const;
type ChallengeKind = (typeof CHALLENGES)[number];

export const acmeOptions: readonly OptionSpec[] = [
  {
    name: 'lets-encrypt-email',
    placeholder: 'email',
    summary: said(
      'lets-encrypt-email',
      'whom the CA may write to, where set-global-option says nothing',
      'nobody',
    ),
  },
  {
    name: 'acme-directory',
    placeholder: 'url',
    summary: said('acme-directory', 'the CA that certificates are ordered from', 'Let’s Encrypt'),
  },
  {
    name: 'acme-staging-directory',
    placeholder: 'url',
    summary: said(
      'acme-staging-directory',
      'the CA of services with --tls-staging',
      'Let’s Encrypt’s staging',
    ),
  },
  {
    name: 'acme-ca-file',
    placeholder: 'pem',
    summary: said('acme-ca-file', 'what signs the CA’s own certificate', 'what the system trusts'),
  },
  {
    name: 'acme-eab-key-id',
    placeholder: 'id',
    summary: said('acme-eab-key-id', 'external account to bind to, where the CA wants one', 'none'),
  },
  {
    name: 'acme-eab-hmac-key',
    placeholder: 'key',
    summary: said('acme-eab-hmac-key', 'its key, base64url, as the CA gives it', 'none'),
  },
  {
    name: 'acme-eab-hmac-key-file',
    placeholder: 'file',
    summary: said('acme-eab-hmac-key-file', 'a file with that key', 'none'),
  },
  {
    name: 'acme-challenge',
    placeholder: CHALLENGES.join('|'),
    summary: said(
      'acme-challenge',
      'how hosts are proved to the CA; wildcards always by dns-01',
      'http-01, then tls-alpn-01',
    ),
  },
  {
    name: 'acme-dns-provider',
    placeholder: 'cloudflare',
    summary: said(
      'acme-dns-provider',
      `who serves your domains’ DNS, for wildcards; its token is in ${variableOf('cloudflare-api-token')}, CLOUDFLARE_API_TOKEN or a file`,
      'none',
    ),
  },
  {
    name: 'cloudflare-api-token-file',
    placeholder: 'file',
    summary: said('cloudflare-api-token-file', 'a file with a token that may edit the zones’ DNS', 'none'),
  },
  {
    name: 'cloudflare-api-url',
    placeholder: 'url',
    summary: said('cloudflare-api-url', 'Cloudflare’s API, or what stands in for it', 'Cloudflare’s own'),
  },
  {
    name: 'acme-dns-resolver',
    placeholder: 'ip:port',
    isRepeatable: true,
    summary: said(
      'acme-dns-resolver',
      'asked whether a DNS record can be seen, repeatable',
      'the domain’s own name servers',
    ),
  },
];

export function readAcmeSettings(settings: SettingsInput, env: Environment): AcmeRunSettings {
  return {
    directoryUrl: urlOf(settings, 'acme-directory'),
    stagingDirectoryUrl: urlOf(settings, 'acme-staging-directory'),
    caFile: settings.text('acme-ca-file') ?? null,
    externalAccount: readExternalAccount(settings),
    challenge: readChallenge(settings),
    dns: readDns(settings, env),
    email: readEmail(settings),
  };
}

function readExternalAccount(settings: SettingsInput): AcmeRunSettings['externalAccount'] {
  const keyId = settings.text('acme-eab-key-id');
  const hmacKey = secretOf(settings.text('acme-eab-hmac-key'), settings, 'acme-eab-hmac-key-file');
  if (keyId === undefined && hmacKey === null) return null;
  if (keyId !== undefined && hmacKey !== null) return { keyId, hmacKey };
  throw wrongUse(
    keyId === undefined ? '--acme-eab-key-id is missing' : '--acme-eab-hmac-key is missing',
    'a CA that wants an external account gives you both: a key id and an HMAC key',
  );
}

function readChallenge(settings: SettingsInput): ChallengeKind | null {
  const value = settings.text('acme-challenge');
  if (value === undefined) return null;
  const kind = CHALLENGES.find((known) => known === value);
  if (kind === undefined) throw wrong('acme-challenge', value, `must be one of ${CHALLENGES.join(', ')}`);
  if (kind === 'dns-01' && settings.text('acme-dns-provider') === undefined) {
    throw wrongUse('--acme-challenge dns-01 needs --acme-dns-provider', 'Luma knows cloudflare');
  }
  return kind;
}

function readDns(settings: SettingsInput, env: Environment): AcmeRunSettings['dns'] {
  const provider = settings.text('acme-dns-provider');
  if (provider === undefined) return null;
  if (provider !== 'cloudflare') throw wrong('acme-dns-provider', provider, 'must be cloudflare');
  const said = env[variableOf('cloudflare-api-token')] || env['CLOUDFLARE_API_TOKEN'] || undefined;
  const token = secretOf(said, settings, 'cloudflare-api-token-file');
  if (token === null) {
    throw wrongUse(
      '--acme-dns-provider cloudflare needs a token',
      'put an API token with Zone:Read and DNS:Edit into CLOUDFLARE_API_TOKEN or --cloudflare-api-token-file',
    );
  }
  const resolvers = settings.list('acme-dns-resolver').map((value) => resolverOf(value));
  return { provider, token, apiUrl: urlOf(settings, 'cloudflare-api-url'), resolvers };
}

function resolverOf(value: string): string {
  if (/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d{1,5}$/.test(value)) return value;
  throw wrong('acme-dns-resolver', value, 'must be an address with its port, such as 1.1.1.1:53');
}

function readEmail(settings: SettingsInput): string | null {
  const value = settings.text('lets-encrypt-email');
  if (value === undefined) return null;
  if (/^[^\s@,?]+@[^\s@,?]+\.[^\s@,?]+$/.test(value)) return value;
  throw wrong('lets-encrypt-email', value, 'must be an e-mail address such as ops@example.com');
}

function secretOf(said: string | undefined, settings: SettingsInput, fileName: string): Secret | null {
  if (said !== undefined) return { text: said };
  const file = settings.text(fileName);
  return file === undefined ? null : { file, flag: `--${fileName}` };
}

function urlOf(settings: SettingsInput, name: string): string | null {
  const value = settings.text(name);
  if (value === undefined) return null;
  if (URL.canParse(value) && /^https?:\/\//i.test(value)) return value.replace(/\/$/, '');
  throw wrong(name, value, 'must be an address that begins with https://');
}

function wrong(name: string, value: string, rule: string): Error {
  return wrongUse(`--${name} (or ${variableOf(name)}) ${rule}, not ${JSON.stringify(value)}`);
}

function said(name: string, what: string, byDefault: string): string {
  return `${what} (${variableOf(name)}; default: ${byDefault})`;
}
