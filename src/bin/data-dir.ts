/** The data directory: one Luma at a time owns it, by a lock that its death gives back. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LumaError, messageOf } from '../base/errors.ts';
import { FileLock } from '../base/file-lock.ts';

export interface DataDir {
  readonly databasePath: string;
  readonly proxySocketPath: string;
  readonly proxyStateDir: string;
  readonly proxyLogPath: string;
  release(): void;
}

/** Bytes of a Unix socket's address, its final NUL left out (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;

/** Makes the folder if need be. Fails with `data_dir_in_use` or `data_dir_unusable`. */
export function openDataDir(path: string): DataDir {
  const proxySocketPath = join(path, 'proxy.sock');
  if (Buffer.byteLength(proxySocketPath) > SOCKET_PATH_BYTES_MAX) {
    throw unusable(path, `its name is too long for a socket in it (${proxySocketPath})`);
  }
  const lock = takeLock(path);
  return {
    databasePath: join(path, 'luma.db'),
    proxySocketPath,
    proxyStateDir: join(path, 'proxy'),
    proxyLogPath: join(path, 'proxy.log'),
    release: () => lock.release(),
  };
}

function takeLock(path: string): FileLock {
  const attempt = tryLock(path);
  if (attempt.kind === 'taken') return attempt.lock;
  const who = attempt.pid === null ? 'another Luma' : `the Luma with process id ${attempt.pid}`;
  throw new LumaError('data_dir_in_use', `${who} uses the data directory ${path}`, {
    hint: 'stop that one first, or choose another directory with --data-dir',
    details: { path, pid: attempt.pid },
  });
}

function tryLock(path: string): ReturnType<typeof FileLock.tryTake> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return FileLock.tryTake(join(path, 'lock'));
  } catch (cause) {
    throw unusable(path, messageOf(cause), cause);
  }
}

function unusable(path: string, reason: string, cause?: unknown): LumaError {
  return new LumaError('data_dir_unusable', `the data directory ${path} cannot be used: ${reason}`, {
    hint: 'choose a directory that this user may write to with --data-dir',
    cause,
  });
}
