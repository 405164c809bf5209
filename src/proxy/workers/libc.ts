/**
 * The C library calls that Bun has no door for: sockets that are made in one process and used in others.
 * Stateless but for the loaded library; Linux only, which `isLibcAvailable` tells.
 */
import { dlopen, ptr, read } from 'bun:ffi';
import { LumaError } from '../../base/errors.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SCM_RIGHTS = 1;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
/** To recvmsg: what arrives is closed on exec. */
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const LOCK_EX = 2;
export const LOCK_NB = 4;

export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const EAFNOSUPPORT = 97;
export const EACCES = 13;
export const EAGAIN = 11;

const SYMBOLS = {
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  listen: { args: ['i32', 'i32'], returns: 'i32' },
  getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
  connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  accept4: { args: ['i32', 'ptr', 'ptr', 'i32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  sendmsg: { args: ['i32', 'ptr', 'i32'], returns: 'i64' },
  recvmsg: { args: ['i32', 'ptr', 'i32'], returns: 'i64' },
  flock: { args: ['i32', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  __errno_location: { args: [], returns: 'ptr' },
} as const;

const CANDIDATES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>['symbols'];

let loaded: Libc | undefined;

export function isLibcAvailable(): boolean {
  return process.platform === 'linux';
}

export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

/** The error number of the call just made: read it before anything else is called. */
export function errno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/** A non-blocking, close-on-exec stream socket, or a negative number (see `errno`). */
export function openStreamSocket(family: number): number {
  return libc().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

export function setIntOption(fd: number, level: number, option: number, value: number): void {
  const cell = new Int32Array([value]);
  libc().setsockopt(fd, level, option, ptr(cell), cell.byteLength);
}

export function closeFd(fd: number): void {
  libc().close(fd);
}

function load(): Libc {
  for (const candidate of CANDIDATES) {
    try {
      return dlopen(candidate, SYMBOLS).symbols;
    } catch (error) {
      if (candidate === CANDIDATES.at(-1)) throw unsupported(error);
    }
  }
  throw unsupported(undefined);
}

function unsupported(cause: unknown): LumaError {
  return new LumaError('platform_unsupported', 'luma-proxy found no C library it can make sockets with', {
    hint: 'luma-proxy runs on Linux with glibc or musl',
    cause,
  });
}
