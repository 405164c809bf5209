/** The listening sockets of one daemon: inherited ones where they fit, new ones otherwise, none of them by halves. */
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { ListeningSocket } from './listening-socket.ts';
import { closeListeningSocket, makeListeningSocket } from './listening-socket.ts';

export interface WantedSockets {
  readonly httpHosts: readonly string[];
  readonly httpPort: number;
}

/** With port 0 the first address chooses; another may find that port taken, so all begin again. */
const FREE_PORT_TRIES = 20;

/** The inherited ones that nobody wants are closed. */
export function openSockets(wanted: WantedSockets, inherited: readonly ListeningSocket[]): ListeningSocket[] {
  const usable = inherited.filter((socket) => isWanted(socket, wanted));
  for (const socket of inherited) {
    if (!usable.includes(socket)) closeListeningSocket(socket);
  }
  for (let left = FREE_PORT_TRIES; ; left -= 1) {
    try {
      return openAll(wanted, usable);
    } catch (error) {
      const isWorthAnother = wanted.httpPort === 0 && isLumaError(error, 'port_in_use') && left > 1;
      if (!isWorthAnother) throw error;
    }
  }
}

function isWanted(socket: ListeningSocket, { httpHosts, httpPort }: WantedSockets): boolean {
  return httpHosts.includes(socket.hostname) && (httpPort === 0 || httpPort === socket.port);
}

function openAll(
  { httpHosts, httpPort }: WantedSockets,
  usable: readonly ListeningSocket[],
): ListeningSocket[] {
  const opened: ListeningSocket[] = [];
  const all: ListeningSocket[] = [];
  let port = usable[0]?.port ?? httpPort;
  try {
    for (const hostname of httpHosts) {
      const known = usable.find((socket) => socket.hostname === hostname);
      const socket = known ?? makeListeningSocket({ hostname, port });
      if (!known) opened.push(socket);
      all.push(socket);
      port = socket.port;
    }
    if (all.length > 0) return all;
  } catch (error) {
    for (const socket of opened) closeListeningSocket(socket);
    throw error;
  }
  throw new LumaError('no_address', 'luma-proxy was given no address to listen on', {
    hint: 'name one with --http-host',
  });
}
