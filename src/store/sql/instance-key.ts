/** The key that runtimes seal their own files with, as it lies among the facts. Owns nothing. */
import { newSecretKey, type SecretKey, secretKey } from '../../base/sealed-text.ts';
import type { Seal, Unseal } from '../secrets/key-ring.ts';

export const INSTANCE_KEY = 'instance_key';
const place = ['installation', '', INSTANCE_KEY] as const;

export function makeInstanceKey(seal: Seal): {
  readonly key: SecretKey;
  readonly fact: { name: string; value: string };
} {
  const key = newSecretKey();
  return { key, fact: { name: INSTANCE_KEY, value: sealInstanceKey(key, seal) } };
}

export function readInstanceKey(value: string, unseal: Unseal): SecretKey {
  return secretKey(Buffer.from(unseal(place, value), 'base64'));
}

export function sealInstanceKey(key: SecretKey, seal: Seal): string {
  return seal(place, Buffer.from(key.bytes).toString('base64'));
}
