/**
 * The keys of one store in memory, by id. Which of them counts is the database's word: it is asked in the very
 * transaction that seals something. Owns the key file.
 */
import { assert, LumaError } from '../../base/errors.ts';
import { openText, type SecretKey, type SecretPlace, sealText } from '../../base/sealed-text.ts';
import type { KeyFile } from './key-file.ts';

/** Seals a text for its place. */
export type Seal = (place: SecretPlace, text: string) => string;
/** Opens what was sealed for that place, or fails with `store_unreadable`. */
export type Unseal = (place: SecretPlace, sealed: string) => string;

export class KeyRing {
  readonly #file: KeyFile;
  readonly #keys = new Map<string, SecretKey>();
  #first: SecretKey | null = null;

  constructor(file: KeyFile) {
    this.#file = file;
  }

  /**
   * Finds the key that the database names, or makes the first one where it names none yet. Changes nothing where the key is missing
   * or another; finishes a change of keys that was cut off.
   */
  load(wantedId: string | null, database: string): void {
    this.#first = this.#find(wantedId, database);
  }

  /** The one that a database without any is sealed with. */
  get first(): SecretKey {
    assert(this.#first, 'the keys are loaded');
    return this.#first;
  }

  makePrivate(): void {
    this.#file.makePrivate();
  }

  sealerOf(keyId: string): Seal {
    const key = this.#keys.get(keyId);
    assert(key, `key ${keyId} is on the ring`);
    return (place, text) => sealText(key, place, text);
  }

  /** An arrow, so that it can be handed around. */
  readonly unseal: Unseal = (place, sealed) => {
    const opened = openText((id) => this.#keys.get(id), place, sealed);
    if (opened.kind === 'opened') return opened.text;
    const reason =
      opened.kind === 'other-key'
        ? `it was encrypted with the key ${opened.keyId}, which is not here`
        : 'it was changed, or moved there from elsewhere, by something other than Luma';
    throw new LumaError('store_unreadable', `the stored ${wordsOf(place)} cannot be decrypted: ${reason}`, {
      hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
      details: { place },
    });
  };

  /** Begins a change of keys: the next one is on disk, and can seal. */
  makeNext(): SecretKey {
    return this.#keep(this.#file.makeNext());
  }

  /** The database names the next key now. */
  promote(id: string): void {
    this.#file.promote();
    for (const known of this.#keys.keys()) if (known !== id) this.#keys.delete(known);
  }

  #find(wantedId: string | null, database: string): SecretKey {
    const found = this.#file.read();
    if (wantedId !== null) this.#file.sweep();
    const wanted = wantedId ?? found?.id ?? null;
    if (wanted === null) return this.#keep(this.#file.make());
    if (found?.id === wanted) {
      if (this.#file.readNext()) this.#file.forgetNext();
      return this.#keep(found);
    }
    const next = this.#file.readNext();
    if (next?.id === wanted) {
      this.#file.promote();
      return this.#keep(next);
    }
    throw found
      ? wrongKey(this.#file.path, found.id, wanted, database)
      : noKey(this.#file.path, wanted, database);
  }

  #keep(key: SecretKey): SecretKey {
    this.#keys.set(key.id, key);
    return key;
  }
}

/** `['project', 'shop', 'env_vars', 'TOKEN']`: env_vars.TOKEN of project shop. */
function wordsOf(place: SecretPlace): string {
  const [kind = '', name = '', ...rest] = place;
  const isRevision = rest[0] === 'revision';
  const field = rest.slice(isRevision ? 2 : 0).join('.');
  const owner = `${kind} ${name}`.trim();
  return `${field} of ${isRevision ? `revision ${rest[1]} of ` : ''}${owner}`;
}

const RESTORE = 'restore the file that was there, or name it with --key-file; nothing was changed';

function noKey(path: string, wanted: string, database: string): LumaError {
  return new LumaError(
    'key_file_missing',
    `the key file ${path} is missing: the secrets in ${database} are encrypted with the key ${wanted}`,
    { hint: RESTORE, details: { path, key: wanted, database } },
  );
}

function wrongKey(path: string, found: string, wanted: string, database: string): LumaError {
  return new LumaError(
    'key_file_wrong',
    `the key file ${path} holds the key ${found}, but the secrets in ${database} are encrypted with the key ${wanted}`,
    { hint: RESTORE, details: { path, found, key: wanted, database } },
  );
}
