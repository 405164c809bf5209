/** The daemon as the management socket shows it: from what it is told, to the wire. Owns nothing. */
import type { ProxyStatus, ServiceStatus } from './client/status-schema.ts';
import type { DaemonOptions } from './daemon-options.ts';
import type { LinkStatus } from './link/link-server.ts';
import type { Member } from './workers/crew.ts';
import type { ListenAddress } from './workers/listening-socket.ts';

export interface StatusParts {
  readonly options: Pick<DaemonOptions, 'version' | 'socketPath' | 'stateDir'>;
  readonly startedAt: string;
  readonly state: ProxyStatus['state'];
  readonly generation: number;
  readonly listeners: readonly (ListenAddress & { readonly isTls: boolean })[];
  readonly links: readonly LinkStatus[];
  readonly members: readonly Member[];
  readonly workerRestarts: number;
  readonly services: ServiceStatus[];
}

export function proxyStatus(parts: StatusParts): ProxyStatus {
  const { options, listeners, links, members } = parts;
  return {
    version: options.version,
    pid: process.pid,
    started_at: parts.startedAt,
    state: parts.state,
    socket_path: options.socketPath,
    state_dir: options.stateDir,
    generation: parts.generation,
    listeners: listeners.map(({ hostname, port, isTls }) => ({ host: hostname, port, tls: isTls })),
    links: links.map(({ owner, epoch, isReady }) => ({ owner, epoch, ready: isReady })),
    workers: members.map(({ column, pid, state, generation }) => ({ column, pid, state, generation })),
    worker_restarts: parts.workerRestarts,
    services: parts.services,
  };
}
