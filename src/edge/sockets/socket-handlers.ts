/**
 * The handlers shared by every socket; its StreamSocket travels in `socket.data`. Each call is one socket event, and a bug
 * in one ends that connection and no other. No state.
 */
import type { SocketHandler } from 'bun';
import type { StreamSocket } from './stream-socket.ts';
import { beginEvent, endEvent } from './write-batch.ts';

export const HANDLERS: SocketHandler<StreamSocket, 'buffer'> = {
  binaryType: 'buffer',
  open(socket) {
    beginEvent();
    try {
      socket.data.opened(socket);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  data(socket, bytes) {
    beginEvent();
    try {
      socket.data.received(bytes);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  drain(socket) {
    beginEvent();
    try {
      socket.data.drained();
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  end(socket) {
    beginEvent();
    try {
      socket.data.peerEnded();
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
  close(socket, error) {
    closeSafely(socket.data, error === undefined || error === null ? null : reasonOf(error));
  },
  connectError(socket, error) {
    closeSafely(socket.data, reasonOf(error));
  },
  error(socket, error) {
    socket.data.failed(error);
  },
};

/** Of sockets that went on as TLS: they were open before. */
export const TLS_HANDLERS: SocketHandler<StreamSocket, 'buffer'> = {
  ...HANDLERS,
  open() {},
  handshake(socket, isDone) {
    beginEvent();
    try {
      socket.data.shaken(isDone);
    } catch (error) {
      socket.data.failed(error);
    } finally {
      endEvent();
    }
  },
};

export function closeSafely(stream: StreamSocket, reason: string | null): void {
  beginEvent();
  try {
    stream.closed(reason);
  } catch (bug) {
    stream.failed(bug);
  } finally {
    endEvent();
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}
