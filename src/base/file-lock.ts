/** A lock that the kernel gives back with the process, however that ends. Owns the open lock file. */
import { dlopen } from 'bun:ffi';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { LumaError } from './errors.ts';

export type LockAttempt =
  | { readonly kind: 'taken'; readonly lock: FileLock }
  /** `pid` is null when the owner has not written it yet. */
  | { readonly kind: 'held'; readonly pid: number | null };

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

const signatures = { flock: { args: ['i32', 'i32'], returns: 'i32' } } as const;
const libraries =
  process.platform === 'darwin'
    ? ['libSystem.dylib']
    : ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

export class FileLock {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Never waits. The file is made if it is missing, and stays when the lock is given back. */
  static tryTake(path: string): LockAttempt {
    const fd = openSync(path, 'a+', 0o600);
    if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      closeSync(fd);
      return { kind: 'held', pid: readPid(path) };
    }
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
    return { kind: 'taken', lock: new FileLock(fd) };
  }

  release(): void {
    // Said, not left to the close: a program that is being started has the file open until it runs.
    flock(this.#fd, LOCK_UN);
    closeSync(this.#fd);
  }
}

function readPid(path: string): number | null {
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
  return Number.isNaN(pid) ? null : pid;
}

function flock(fd: number, operation: number): number {
  for (const library of libraries) {
    const opened = tryOpen(library);
    if (opened) return opened.symbols.flock(fd, operation);
  }
  throw new LumaError('platform_unsupported', 'no C library was found to lock files with', {
    hint: 'Luma runs on Linux with glibc or musl, and on macOS',
  });
}

/** The one library of this machine opens, the others do not exist here. */
function tryOpen(library: string): ReturnType<typeof dlopen<typeof signatures>> | null {
  try {
    return dlopen(library, signatures);
  } catch {
    return null;
  }
}
