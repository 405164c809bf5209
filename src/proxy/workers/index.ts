/** The door of a worker process: what it needs and nothing of the daemon, since a machine may run many of them. */
export { openSharedBoard } from './shared-board.ts';
export { Worker } from './worker.ts';
export { FIRST_INHERITED_FD, readWorkerFlags } from './worker-flags.ts';
