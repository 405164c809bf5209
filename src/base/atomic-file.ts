/** Replaces a file whole: a crash at any moment leaves the old content or the new, never a mixture. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { randomId } from './random-id.ts';

export interface AtomicFileOptions {
  /** Permissions of the new file, whatever the umask or the old file says. Default 0600. */
  readonly mode?: number;
}

/** Resolves when the new content will survive a power cut; rejects with the old content in place. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: AtomicFileOptions = {},
): Promise<void> {
  const asidePath = `${asidePrefix(path)}${randomId(8)}`;
  try {
    await writeDurably(asidePath, content, options.mode ?? 0o600);
    await rename(asidePath, path);
  } catch (error) {
    await rm(asidePath, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Removes what a crash in the middle of a write left aside. Only for the one owner of the file, before it writes. */
export async function removeAsideFiles(path: string): Promise<void> {
  const prefix = basename(asidePrefix(path));
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix)) await rm(join(dirname(path), name), { force: true });
  }
}

function asidePrefix(path: string): string {
  return join(dirname(path), `.${basename(path)}.aside-`);
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A rename is durable only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
