/**
 * One daemon per state directory: a lock that the kernel gives up with the process, however that ends.
 * Owns the open lock file.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LumaError, messageOf } from '../../base/errors.ts';
import { LOCK_EX, LOCK_NB, libc } from '../workers/libc.ts';

export class StateLock {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Makes the directory (0700) if need be. Throws `state_dir_in_use` (details: pid, socketPath) or `state_dir_unusable`. */
  static take(stateDir: string, socketPath: string): StateLock {
    const path = join(stateDir, 'lock');
    const fd = openLockFile(stateDir, path);
    if (libc().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      closeSync(fd);
      throw inUse(stateDir, path);
    }
    ftruncateSync(fd);
    writeSync(fd, JSON.stringify({ pid: process.pid, socketPath }));
    return new StateLock(fd);
  }

  release(): void {
    closeSync(this.#fd);
  }
}

function openLockFile(stateDir: string, path: string): number {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw new LumaError(
      'state_dir_unusable',
      `cannot use the state directory ${stateDir}: ${messageOf(cause)}`,
      {
        hint: 'name a directory that this user may write to with --state-dir',
        cause,
      },
    );
  }
}

function inUse(stateDir: string, path: string): LumaError {
  const holder = readHolder(path);
  const who = holder ? `the luma-proxy with process id ${holder.pid}` : 'another luma-proxy';
  return new LumaError('state_dir_in_use', `${who} uses the state directory ${stateDir}`, {
    hint: 'stop that one first, or name another directory with --state-dir',
    details: holder ?? {},
  });
}

const holderSchema = z.object({ pid: z.number(), socketPath: z.string() });

/** Null in the moment between its lock and its first words. */
function readHolder(path: string): z.infer<typeof holderSchema> | null {
  const text = readFileSync(path, 'utf8');
  return text === '' ? null : (holderSchema.safeParse(JSON.parse(text)).data ?? null);
}
