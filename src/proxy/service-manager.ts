/**
 * Tells the service manager that started this program (systemd, by `NOTIFY_SOCKET`) that this process is the service now:
 * also after a take-over, when that was another one. It owns no state.
 */
import { ptr } from 'bun:ffi';
import { LumaError } from '../base/errors.ts';
import { AF_UNIX, closeFd, errno, libc, SOCK_CLOEXEC, SOCK_DGRAM } from './workers/libc.ts';

/** Throws `service_manager_unreachable`. `address`: a path, or with a leading `@` an abstract name. */
export function tellServiceManager(address: string): void {
  const socket = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    const name = socketName(address);
    if (libc().connect(socket, ptr(name), name.byteLength) !== 0) throw unreachable(address);
    const text = Buffer.from(`READY=1\nMAINPID=${process.pid}\nSTATUS=serving\n`);
    if (libc().send(socket, ptr(text), text.byteLength, 0) < 0) throw unreachable(address);
  } finally {
    closeFd(socket);
  }
}

/** `sockaddr_un`: the family, then a name that ends with a NUL or, where abstract, begins with one. */
function socketName(address: string): Buffer {
  const isAbstract = address.startsWith('@');
  const name = Buffer.from(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}

function unreachable(address: string): LumaError {
  return new LumaError(
    'service_manager_unreachable',
    `the service manager does not listen on ${address} (errno ${errno()})`,
    { hint: 'NOTIFY_SOCKET names its socket; leave it out where there is none' },
  );
}
