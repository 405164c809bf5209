/** The listening sockets of one daemon: inherited ones where they fit, new ones otherwise, none of them by halves. */
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { ListeningSocket, PortSetting } from './listening-socket.ts';
import { closeListeningSocket, makeListeningSocket } from './listening-socket.ts';

export interface WantedSockets {
  readonly httpHosts: readonly string[];
  readonly httpPort: number;
  /** Null: none. */
  readonly httpsPort: number | null;
}

/** One that clients come to. */
export interface PublicSocket extends ListeningSocket {
  readonly isTls: boolean;
}

interface WantedPort {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly isTls: boolean;
}

/** With port 0 the first address chooses; another may find that port taken, so all begin again. */
const FREE_PORT_TRIES = 20;

/** Those for TLS come last. The inherited ones that nobody wants are closed. */
export function openSockets(wanted: WantedSockets, inherited: readonly PublicSocket[]): PublicSocket[] {
  const ports = portsOf(wanted);
  const usable = inherited.filter((socket) => ports.some((port) => isWanted(socket, port)));
  for (const socket of inherited) {
    if (!usable.includes(socket)) closeListeningSocket(socket);
  }
  const all: PublicSocket[] = [];
  try {
    for (const port of ports) all.push(...openPort(port, usable));
    return all;
  } catch (error) {
    for (const socket of all) if (!usable.includes(socket)) closeListeningSocket(socket);
    throw error;
  }
}

function portsOf({ httpHosts: hosts, httpPort, httpsPort }: WantedSockets): readonly WantedPort[] {
  if (hosts.length === 0) {
    throw new LumaError('no_address', 'luma-proxy was given no address to listen on', {
      hint: 'name one with --http-host',
    });
  }
  const http = { hosts, port: httpPort, isTls: false };
  return httpsPort === null ? [http] : [http, { hosts, port: httpsPort, isTls: true }];
}

function isWanted(socket: PublicSocket, { hosts, port, isTls }: WantedPort): boolean {
  return socket.isTls === isTls && hosts.includes(socket.hostname) && (port === 0 || port === socket.port);
}

function openPort(wanted: WantedPort, inherited: readonly PublicSocket[]): PublicSocket[] {
  const usable = inherited.filter((socket) => isWanted(socket, wanted));
  for (let left = FREE_PORT_TRIES; ; left -= 1) {
    try {
      return openAll(wanted, usable);
    } catch (error) {
      const isWorthAnother = wanted.port === 0 && isLumaError(error, 'port_in_use') && left > 1;
      if (!isWorthAnother) throw error;
    }
  }
}

function openAll(
  { hosts, port: wantedPort, isTls }: WantedPort,
  usable: readonly PublicSocket[],
): PublicSocket[] {
  const opened: ListeningSocket[] = [];
  const all: PublicSocket[] = [];
  const setting: PortSetting = isTls ? 'https-port' : 'http-port';
  let port = usable[0]?.port ?? wantedPort;
  try {
    for (const hostname of hosts) {
      const known = usable.find((socket) => socket.hostname === hostname);
      const socket = known ?? { ...makeListeningSocket({ hostname, port }, setting), isTls };
      if (!known) opened.push(socket);
      all.push(socket);
      port = socket.port;
    }
    return all;
  } catch (error) {
    for (const socket of opened) closeListeningSocket(socket);
    throw error;
  }
}
