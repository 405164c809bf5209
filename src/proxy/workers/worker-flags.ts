/** How a worker process is started: the flags, and the descriptors it inherits in a fixed order. */
import type { Subprocess } from 'bun';
import type { EdgeSettings } from '../../edge/index.ts';
import type { ListeningSocket } from './listening-socket.ts';
import { COLUMN_FLAG, WORKERS_SOCKET_FLAG } from './orphans.ts';

/** Of the first inherited descriptor, the board; the listening sockets follow. */
export const FIRST_INHERITED_FD = 3;

export interface WorkerFlags {
  readonly column: number;
  readonly workersSocketPath: string;
  readonly listeners: number;
  readonly shutdownTimeoutMs: number;
  readonly edge: EdgeSettings;
}

export function spawnWorker(
  command: readonly string[],
  flags: WorkerFlags,
  boardFd: number,
  sockets: readonly ListeningSocket[],
): Subprocess {
  const words = [
    ...command,
    ...[COLUMN_FLAG, String(flags.column), WORKERS_SOCKET_FLAG, flags.workersSocketPath],
    ...['--listeners', String(flags.listeners), '--shutdown-timeout-ms', String(flags.shutdownTimeoutMs)],
    ...['--edge', JSON.stringify(flags.edge)],
  ];
  return Bun.spawn(words, {
    stdio: ['ignore', 'inherit', 'inherit', boardFd, ...sockets.map(({ fd }) => fd)],
  });
}
