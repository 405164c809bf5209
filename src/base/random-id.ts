/** Random names for things that must never meet again: lower case, fit for DNS labels, files and container names. */
import { randomBytes } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on are thrown away: keeping them would make some letters likelier. */
const fairBelow = 256 - (256 % alphabet.length);

/** `length` characters of `[a-z0-9]`; 12 of them are 62 bits. */
export function randomId(length: number): string {
  let id = '';
  while (id.length < length) {
    for (const byte of randomBytes(length - id.length)) {
      if (byte < fairBelow) id += alphabet[byte % alphabet.length];
    }
  }
  return id;
}
