/** Environment variables in rows: names as they are, each value sealed for the place it stands in. Owns nothing. */
import type { SecretPlace } from '../../base/sealed-text.ts';
import type { Seal, Unseal } from '../secrets/key-ring.ts';

type Environment = Readonly<Record<string, string>>;

export function projectPlace(name: string): SecretPlace {
  return ['project', name];
}

export function revisionPlace(project: string, number: number): SecretPlace {
  return ['project', project, 'revision', String(number)];
}

export function sealEnvironment(values: Environment, owner: SecretPlace, seal: Seal): Record<string, string> {
  return mapped(values, (name, value) => seal([...owner, 'env_vars', name], value));
}

export function openEnvironment(
  sealed: Environment,
  owner: SecretPlace,
  unseal: Unseal,
): Record<string, string> {
  return mapped(sealed, (name, value) => unseal([...owner, 'env_vars', name], value));
}

function mapped(values: Environment, map: (name: string, value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(name, value)]));
}
