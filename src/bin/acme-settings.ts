/** Automatic certificates as `luma-proxy run` was told about them: the files it names are read here, once. */
import { readFileSync } from 'node:fs';
import { LumaError, messageOf } from '../base/errors.ts';
import type { AcmeRunSettings, Secret } from '../cli/proxy/index.ts';
import type { AcmeSettings } from '../proxy/index.ts';
import { CLOUDFLARE_API_URL, LETS_ENCRYPT_STAGING_URL, LETS_ENCRYPT_URL } from '../proxy/index.ts';

/** Throws `file_unreadable`, by the flag that named the file. */
export function acmeSettingsOf(settings: AcmeRunSettings): AcmeSettings {
  const { caFile, externalAccount, dns, challenge, email } = settings;
  return {
    directoryUrl: settings.directoryUrl ?? LETS_ENCRYPT_URL,
    stagingDirectoryUrl: settings.stagingDirectoryUrl ?? LETS_ENCRYPT_STAGING_URL,
    caPem: caFile === null ? null : readPem(caFile),
    externalAccount: externalAccount && {
      keyId: externalAccount.keyId,
      hmacKey: readSecret(externalAccount.hmacKey),
    },
    challenge,
    dns: dns && { ...dns, token: readSecret(dns.token), apiUrl: dns.apiUrl ?? CLOUDFLARE_API_URL },
    email,
  };
}

function readPem(path: string): string {
  const text = readNamed(path, '--acme-ca-file');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw unreadable(path, '--acme-ca-file', 'it has no certificate in PEM form');
}

function readSecret(secret: Secret): string {
  if ('text' in secret) return secret.text.trim();
  const text = readNamed(secret.file, secret.flag).trim();
  if (text !== '') return text;
  throw unreadable(secret.file, secret.flag, 'it is empty');
}

function readNamed(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, flag, messageOf(error), error);
  }
}

function unreadable(path: string, flag: string, why: string, cause?: unknown): LumaError {
  return new LumaError('file_unreadable', `${flag}: ${path} cannot be used: ${why}`, {
    hint: 'name a file that this user may read',
    ...(cause === undefined ? {} : { cause }),
  });
}
