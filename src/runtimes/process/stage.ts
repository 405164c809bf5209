/**
 * Where the programs that ship with Luma can be executed by the user that instances run as. Mostly that is where
 * they are; when root's Luma lies in a closed folder, copies are made in one that is open to all.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { LumaError, messageOf } from '../../base/errors.ts';
import { helloServerPath } from '../hello/index.ts';
import { mayExecute, mayRead, type RunUser } from './run-user.ts';

export interface StageOptions {
  readonly user: RunUser;
  /** Folders to try in order; the first that is safe and that the user can reach is used. */
  readonly folders: readonly string[];
  /** Default: the Bun that runs Luma. */
  readonly bunPath?: string;
  readonly helloPath?: string;
}

export class Stage {
  readonly #options: StageOptions;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** The command line of the bundled hello server; makes copies where needed. */
  hello(): readonly string[] {
    const { user, bunPath = process.execPath, helloPath = helloServerPath } = this.#options;
    const bun = mayExecute(user, bunPath) ? bunPath : this.#copy(bunPath, 0o755);
    const script = mayRead(user, helloPath) ? helloPath : this.#copy(helloPath, 0o644);
    // Its own port is open to this machine only: everybody else comes through the edge.
    return [bun, script, '127.0.0.1'];
  }

  /** Removes every copy: nobody runs any more. */
  clear(): void {
    for (const folder of this.#options.folders) {
      if (isOurs(folder)) rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The name tells which content it is, so that a newer Luma makes a new copy and runs on the old one go on. */
  #copy(path: string, mode: number): string {
    const { size, mtimeMs } = statSync(path);
    const version = `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`;
    const failures: string[] = [];
    for (const folder of this.#options.folders) {
      const copy = join(folder, version, basename(path));
      try {
        if (!lstatSync(copy, { throwIfNoEntry: false })) placeCopy(path, copy, folder, mode);
        if (mayRead(this.#options.user, copy)) return copy;
        failures.push(`${this.#options.user.name} cannot reach ${folder}`);
        rmSync(folder, { recursive: true, force: true });
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    throw new LumaError(
      'runtime_failed',
      `${basename(path)} cannot be made readable: ${failures.join('; ')}`,
      {
        hint: `install Luma where ${this.#options.user.name} can read it, e.g. in /opt`,
      },
    );
  }
}

function placeCopy(path: string, copy: string, folder: string, mode: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (!isOurs(folder)) throw new LumaError('runtime_failed', `${folder} belongs to somebody else`);
  mkdirSync(join(copy, '..'), { recursive: true, mode: 0o755 });
  const aside = `${copy}.new`;
  rmSync(aside, { force: true });
  if (!tryLink(path, aside, mode)) {
    copyFileSync(path, aside, constants.COPYFILE_FICLONE);
    chmodSync(aside, mode);
  }
  renameSync(aside, copy);
}

/** In a folder that others may write to (/tmp), a name may have been taken before us, also by a link. */
function isOurs(folder: string): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
}

/** A hard link costs no space; only of a file whose permissions are right as they are. */
function tryLink(path: string, to: string, mode: number): boolean {
  if ((statSync(path).mode & mode) !== mode) return false;
  try {
    linkSync(path, to);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(code)) return false;
    throw error;
  }
}
