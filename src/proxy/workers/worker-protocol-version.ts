/** The version of what daemons and workers say to each other: it grows with every change of worker-protocol.ts. */
export const WORKER_PROTOCOL = 6;
