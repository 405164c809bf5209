/** The proxy's door: the daemon and its worker, for `bin` to build. Clients use `client/index.ts`. */
export { Daemon } from './daemon.ts';
export type { DaemonOptions } from './daemon-options.ts';
export type { ListenAddress } from './workers/listening-socket.ts';
export { addressText } from './workers/listening-socket.ts';
export { openSharedBoard } from './workers/shared-board.ts';
export type { WorkerOptions } from './workers/worker.ts';
export { Worker } from './workers/worker.ts';
export { edgeSettingsSchema } from './workers/worker-edge.ts';
export type { WorkerFlags } from './workers/worker-flags.ts';
export { FIRST_INHERITED_FD } from './workers/worker-flags.ts';
