/**
 * The file of the key that the store's secrets are sealed with: 32 random bytes, for its owner alone. While a new key
 * takes its place there are two, `<file>` and `<file>.new`, and the database says which of them counts.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LumaError, messageOf } from '../../base/errors.ts';
import { randomId } from '../../base/random-id.ts';
import { KEY_BYTES, newSecretKey, type SecretKey, secretKey } from '../../base/sealed-text.ts';

export class KeyFile {
  constructor(readonly path: string) {}

  get nextPath(): string {
    return `${this.path}.new`;
  }

  /** Null where there is none. */
  read(): SecretKey | null {
    return readKey(this.path);
  }

  /** The key that is to follow, where a change of keys was begun. */
  readNext(): SecretKey | null {
    return readKey(this.nextPath);
  }

  /** Makes the first key; where somebody else was faster, that one counts. */
  make(): SecretKey {
    const key = newSecretKey();
    return writeOnce(this.path, key) ? key : (this.read() ?? this.make());
  }

  /** A key begun before is taken up again: something may have been sealed with it. */
  makeNext(): SecretKey {
    const begun = this.readNext();
    if (begun) return begun;
    const key = newSecretKey();
    return writeOnce(this.nextPath, key) ? key : this.makeNext();
  }

  /** From now on the next key is the key. */
  promote(): void {
    try {
      renameSync(this.nextPath, this.path);
      syncFolder(this.path);
    } catch (cause) {
      throw unwritable(this.path, cause, `the new key lies in ${this.nextPath} and is taken from there`);
    }
  }

  /** What a death in the middle of a write left aside. Only while nobody else can write. */
  sweep(): void {
    const folder = dirname(this.path);
    const prefixes = [asidePrefix(this.path), asidePrefix(this.nextPath)].map((path) => basename(path));
    for (const name of readdirSync(folder)) {
      if (prefixes.some((prefix) => name.startsWith(prefix))) rmSync(join(folder, name), { force: true });
    }
  }

  forgetNext(): void {
    try {
      rmSync(this.nextPath, { force: true });
    } catch (cause) {
      throw unwritable(this.nextPath, cause);
    }
  }

  /** As the database is made private again when somebody opened it up. */
  makePrivate(): void {
    try {
      chmodSync(this.path, 0o600);
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }
}

function readKey(path: string): SecretKey | null {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new LumaError('key_file_unreadable', `the key file ${path} cannot be read: ${messageOf(cause)}`, {
      hint: 'let the user Luma runs as read it, or name another with --key-file; nothing was changed',
      cause,
      details: { path },
    });
  }
  if (bytes.byteLength === KEY_BYTES) return secretKey(bytes);
  throw new LumaError(
    'key_file_unreadable',
    `the key file ${path} is no key: it has ${bytes.byteLength} bytes, a key has ${KEY_BYTES}`,
    { hint: 'restore it from a backup; nothing was changed', details: { path } },
  );
}

/** Whole or not at all, and on the disk before anything is sealed with it. False: there is one already. */
function writeOnce(path: string, { bytes }: SecretKey): boolean {
  const aside = `${asidePrefix(path)}${randomId(8)}`;
  try {
    const fd = openSync(aside, 'wx', 0o600);
    try {
      writeSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(aside, path);
    syncFolder(path);
    return true;
  } catch (cause) {
    // Where it is there now, another was faster, and may have swept ours away.
    if (existsSync(path)) return false;
    throw unwritable(path, cause);
  } finally {
    rmSync(aside, { force: true });
  }
}

function asidePrefix(path: string): string {
  return join(dirname(path), `.${basename(path)}.aside-`);
}

function syncFolder(path: string): void {
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function unwritable(path: string, cause: unknown, fact = 'nothing was changed'): LumaError {
  const where = `the folder of ${basename(path)}`;
  return new LumaError('key_file_unwritable', `the key file ${path} cannot be written: ${messageOf(cause)}`, {
    hint: `see whether its disk is full, and let the user Luma runs as write to ${where}; ${fact}`,
    cause,
    details: { path },
  });
}
