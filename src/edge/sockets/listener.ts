/** A listening socket, made here or inherited as a file descriptor. Owns nothing of the connections it accepts. */
import type { SocketHandler, TCPSocketListener } from 'bun';
import { HANDLERS } from './socket-handlers.ts';
import type { SocketOwner } from './socket-owner.ts';
import { StreamSocket } from './stream-socket.ts';
import { beginEvent, endEvent } from './write-batch.ts';

export type ListenAddress =
  | { readonly fd: number }
  | { readonly hostname: string; readonly port: number; readonly reusePort?: boolean };

export class Listener {
  readonly #listener: TCPSocketListener<StreamSocket>;

  /** Throws EADDRINUSE at once when the port is taken. */
  constructor(address: ListenAddress, accept: (make: (owner: SocketOwner) => StreamSocket) => void) {
    const options = { ...address, socket: acceptingHandlers(accept), allowHalfOpen: true };
    // Bun takes `fd` and `reusePort` here; its types do not know them yet.
    this.#listener = Bun.listen(
      options as unknown as { hostname: string; port: number; socket: SocketHandler<StreamSocket, 'buffer'> },
    );
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Accepts nothing more; accepted connections go on. */
  stop(): void {
    this.#listener.stop(false);
  }
}

/** `accept` makes the owner; everything else is the same as for any socket. */
function acceptingHandlers(
  accept: (make: (owner: SocketOwner) => StreamSocket) => void,
): SocketHandler<StreamSocket, 'buffer'> {
  return {
    ...HANDLERS,
    open(socket) {
      beginEvent();
      try {
        accept((owner) => {
          const stream = new StreamSocket(owner);
          socket.data = stream;
          return stream;
        });
        socket.data.opened(socket);
      } catch (error) {
        socket.data.failed(error);
      } finally {
        endEvent();
      }
    },
  };
}
