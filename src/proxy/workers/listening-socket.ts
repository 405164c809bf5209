/**
 * Listening sockets that outlive processes: made once by the daemon, inherited by each worker.
 * The daemon owns them and never accepts on them; the accept queue survives a worker.
 */

import { ptr } from 'bun:ffi';
import { isIP } from 'node:net';
import { LumaError } from '../../base/errors.ts';
import { LISTEN_BACKLOG } from '../limits.ts';
import {
  AF_INET,
  AF_INET6,
  closeFd,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  errno,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  libc,
  openStreamSocket,
  SO_REUSEADDR,
  SOL_SOCKET,
  setIntOption,
} from './libc.ts';

export interface ListenAddress {
  /** An IPv4 or IPv6 address. */
  readonly hostname: string;
  /** 0: the kernel chooses. */
  readonly port: number;
}

/** What a person changes where the port cannot be had. */
export type PortSetting = 'http-port' | 'https-port';

export interface ListeningSocket extends ListenAddress {
  readonly fd: number;
}

/** Binds and listens. Fails with `port_in_use`, `port_not_permitted`, `address_not_available` or `address_family_unsupported`. */
export function makeListeningSocket(
  address: ListenAddress,
  setting: PortSetting = 'http-port',
): ListeningSocket {
  const isV6 = isIP(address.hostname) === 6;
  const fd = openStreamSocket(isV6 ? AF_INET6 : AF_INET);
  if (fd < 0) throw listenError(address, errno(), setting);
  setIntOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // One socket per family: clients never show up as IPv4-mapped addresses.
  if (isV6) setIntOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const name = socketAddress(address.hostname, address.port);
  if (libc().bind(fd, ptr(name), name.byteLength) !== 0) throw failAndClose(fd, address, setting);
  if (libc().listen(fd, LISTEN_BACKLOG) !== 0) throw failAndClose(fd, address, setting);
  return { fd, ...localAddress(fd) };
}

/** What a socket that came from elsewhere (inherited, or handed over) is bound to. */
export function adoptListeningSocket(fd: number): ListeningSocket {
  return { fd, ...localAddress(fd) };
}

export function closeListeningSocket(socket: ListeningSocket): void {
  closeFd(socket.fd);
}

/** `struct sockaddr_in` or `sockaddr_in6`: the family in host order, the port in network order. */
function socketAddress(hostname: string, port: number): Uint8Array {
  const isV6 = isIP(hostname) === 6;
  const bytes = new Uint8Array(isV6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port, false);
  bytes.set(isV6 ? ipv6Bytes(hostname) : hostname.split('.').map(Number), isV6 ? 8 : 4);
  return bytes;
}

function ipv6Bytes(hostname: string): number[] {
  const [head = '', tail] = (hostname.split('%')[0] ?? '').split('::');
  const front = groupBytes(head);
  const back = tail === undefined ? [] : groupBytes(tail);
  return [...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back];
}

function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function localAddress(fd: number): ListenAddress {
  const view = new DataView(new ArrayBuffer(28));
  const length = new Uint32Array([view.byteLength]);
  if (libc().getsockname(fd, ptr(view), ptr(length)) !== 0) {
    throw new LumaError('not_a_socket', `file descriptor ${fd} is no socket (errno ${errno()})`);
  }
  const port = view.getUint16(2, false);
  if (view.getUint16(0, true) === AF_INET) return { hostname: ipv4Text(view), port };
  return { hostname: ipv6Text(view), port };
}

function ipv4Text(view: DataView): string {
  return [4, 5, 6, 7].map((at) => view.getUint8(at)).join('.');
}

function ipv6Text(view: DataView): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index, false).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

function failAndClose(fd: number, address: ListenAddress, setting: PortSetting): LumaError {
  const error = listenError(address, errno(), setting);
  closeFd(fd);
  return error;
}

function listenError(address: ListenAddress, code: number, setting: PortSetting): LumaError {
  const where = addressText(address);
  const details = { host: address.hostname, port: address.port };
  if (code === EADDRINUSE) {
    return new LumaError(
      'port_in_use',
      `port ${address.port} on ${address.hostname} is held by another process`,
      {
        hint: `stop that process (find it with: ss -ltnp 'sport = :${address.port}'), or choose another --${setting}${setting === 'https-port' ? ' (`none` for no HTTPS)' : ''}`,
        details,
      },
    );
  }
  if (code === EACCES) {
    return new LumaError('port_not_permitted', `this user may not listen on ${where}`, {
      hint: `choose a --${setting} of 1024 or above, or run luma-proxy as root or with CAP_NET_BIND_SERVICE`,
      details,
    });
  }
  if (code === EADDRNOTAVAIL) {
    return new LumaError('address_not_available', `${address.hostname} is no address of this machine`, {
      hint: 'choose a --http-host that `ip addr` shows',
      details,
    });
  }
  if (code === EAFNOSUPPORT) {
    return new LumaError(
      'address_family_unsupported',
      `this machine has no IPv6, so ${where} cannot be used`,
      {
        hint: 'choose an IPv4 address for --http-host',
        details,
      },
    );
  }
  return new LumaError('listen_failed', `cannot listen on ${where} (errno ${code})`, { details });
}

export function addressText(address: ListenAddress): string {
  return address.hostname.includes(':')
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}
