/** Between what is known of a registry and its row. Owns nothing. */
import { LumaError } from '../../base/errors.ts';
import type { SecretPlace } from '../../base/sealed-text.ts';
import type { RegistryCredentials, RegistryLogin } from '../../domain/registry.ts';
import type { Seal, Unseal } from '../secrets/key-ring.ts';
import type { RegistryRow } from './tables.ts';

export function toRegistryRow({ host, credentials, updatedAt }: RegistryLogin, seal: Seal): RegistryRow {
  const { kind } = credentials;
  const secret = kind === 'password' ? credentials.password : credentials.token;
  return {
    host,
    kind,
    username: kind === 'password' ? credentials.username : null,
    secret: seal(placeOf(host), secret),
    updated_at: updatedAt,
  };
}

export function fromRegistryRow(row: RegistryRow, unseal: Unseal): RegistryLogin {
  const secret = unseal(placeOf(row.host), row.secret);
  return { host: row.host, credentials: credentialsOf(row, secret), updatedAt: Number(row.updated_at) };
}

export function placeOf(host: string): SecretPlace {
  return ['registry', host, 'password'];
}

function credentialsOf({ host, kind, username }: RegistryRow, secret: string): RegistryCredentials {
  if (kind === 'password' && username !== null) return { kind, username, password: secret };
  if (kind === 'identity_token' || kind === 'registry_token') return { kind, token: secret };
  throw new LumaError('store_unreadable', `the stored credentials for ${host} cannot be read`, {
    hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
    details: { host },
  });
}
