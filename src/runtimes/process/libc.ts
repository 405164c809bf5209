/** The two system calls that Bun has no words for: a bind without a listen, and freeing the head of a file. */
import { dlopen } from 'bun:ffi';
import { closeSync, openSync } from 'node:fs';
import { endianness } from 'node:os';
import { LumaError } from '../../base/errors.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

const signatures = {
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  fallocate: { args: ['i32', 'i32', 'i64', 'i64'], returns: 'i32' },
} as const;

type Libc = ReturnType<typeof openLibc>;
let opened: Libc | null = null;

/** Whether a program could listen there now: on 127.0.0.1 alone, or on every address of the machine. */
export function canBind(port: number, where: 'loopback' | 'everywhere'): boolean {
  const libc = theLibc();
  const inet6 = where === 'everywhere' ? libc.socket(AF_INET6, SOCK_STREAM_CLOEXEC, 0) : -1;
  const fd = inet6 >= 0 ? inet6 : libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw new LumaError('runtime_failed', 'the machine gives no more sockets');
  try {
    // As servers do: what a connection of the last run left in TIME_WAIT is no obstacle.
    libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1), 4);
    if (inet6 >= 0) libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, Int32Array.of(0), 4);
    const address = inet6 >= 0 ? anyAddress6(port) : address4(port, where);
    return libc.bind(fd, address, address.byteLength) === 0;
  } finally {
    libc.close(fd);
  }
}

/** Gives the disk space of the first `bytes` bytes back; offsets stay. False where the file system cannot. */
export function punchHead(path: string, bytes: number): boolean {
  const libc = theLibc();
  const fd = openSync(path, 'r+');
  try {
    return libc.fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, bytes) === 0;
  } finally {
    closeSync(fd);
  }
}

function theLibc(): Libc {
  opened ??= openLibc();
  return opened;
}

function openLibc() {
  const musl = process.arch === 'arm64' ? 'libc.musl-aarch64.so.1' : 'libc.musl-x86_64.so.1';
  try {
    return dlopen('libc.so.6', signatures).symbols;
  } catch (notGlibc) {
    try {
      return dlopen(musl, signatures).symbols;
    } catch {
      throw new LumaError('runtime_failed', 'the C library cannot be opened', { cause: notGlibc });
    }
  }
}

/** struct sockaddr_in: family in the machine's byte order, port and address in the network's. */
function address4(port: number, where: 'loopback' | 'everywhere'): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, AF_INET, endianness() === 'LE');
  view.setUint16(2, port);
  if (where === 'loopback') view.setUint32(4, 0x7f000001);
  return new Uint8Array(view.buffer);
}

/** struct sockaddr_in6 of `::`. */
function anyAddress6(port: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(28));
  view.setUint16(0, AF_INET6, endianness() === 'LE');
  view.setUint16(2, port);
  return new Uint8Array(view.buffer);
}
