/**
 * Short texts sealed with AES-256-GCM: unreadable without the key, and worthless anywhere but in the place they were made for.
 * `sealed1:<key id>:<base64 of nonce, ciphertext, tag>`; key id and place are associated data. Owns nothing.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
const VERSION = 'sealed1';

export interface SecretKey {
  /** Tells keys apart and tells nothing of them. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Where a text belongs, from the whole to the part: `['project', 'shop', 'env_vars', 'TOKEN']`. */
export type SecretPlace = readonly string[];

export type Opened =
  | { readonly kind: 'opened'; readonly text: string }
  /** Its key is another one. */
  | { readonly kind: 'other-key'; readonly keyId: string }
  /** Not a sealed text, or changed, or from another place. */
  | { readonly kind: 'damaged' };

export function secretKey(bytes: Uint8Array): SecretKey {
  if (bytes.byteLength !== KEY_BYTES)
    throw new Error(`a key has ${KEY_BYTES} bytes, not ${bytes.byteLength}`);
  const id = createHmac('sha256', bytes).update('luma key id').digest('hex').slice(0, 16);
  return { id, bytes };
}

export function newSecretKey(): SecretKey {
  return secretKey(randomBytes(KEY_BYTES));
}

/** A fresh nonce each time: the same text never looks the same twice. */
export function sealText(key: SecretKey, place: SecretPlace, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(key.id, place));
  const hidden = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return `${VERSION}:${key.id}:${Buffer.concat(hidden).toString('base64')}`;
}

export function openText(
  keyOf: (id: string) => SecretKey | undefined,
  place: SecretPlace,
  sealed: string,
): Opened {
  const [version, keyId = '', hidden = '', ...more] = sealed.split(':');
  if (version !== VERSION || more.length > 0) return { kind: 'damaged' };
  const bytes = Buffer.from(hidden, 'base64');
  if (bytes.byteLength < NONCE_BYTES + TAG_BYTES) return { kind: 'damaged' };
  const key = keyOf(keyId);
  if (!key) return /^[0-9a-f]{16}$/.test(keyId) ? { kind: 'other-key', keyId } : { kind: 'damaged' };
  const cipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(associatedData(keyId, place));
  cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const shown = [cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()];
    return { kind: 'opened', text: Buffer.concat(shown).toString('utf8') };
  } catch (error) {
    // node:crypto says only "unable to authenticate data", and says it by throwing.
    if (error instanceof Error) return { kind: 'damaged' };
    throw error;
  }
}

/** JSON keeps `['a', 'b']` and `['a b']` apart. */
function associatedData(keyId: string, place: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([VERSION, keyId, ...place]));
}
