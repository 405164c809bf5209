/** How many connections fit below a process's limit of open files: met, it would make accepting spin. Pure. */
import { EDGE_LIMITS, type EdgeLimits } from './limits.ts';

export type ConnectionBudget = Pick<
  EdgeLimits,
  'clientConnectionsMax' | 'upstreamConnectionsMax' | 'idleMax' | 'turnedAwayMax'
>;

/** Listening sockets, the board, the daemon's socket, logs, what the runtime opens. */
const RESERVED_FILES = 64;
/** Even where that is more than fits: a proxy that lets nobody in helps nobody. */
const CLIENTS_MIN = 16;
const UPSTREAM_MIN = 8;

/** Clients get two thirds, for most of them are idle; connections to targets one, half of it for idle ones. */
export function connectionBudget(openFilesMax: number): ConnectionBudget {
  const turnedAwayMax = Math.min(EDGE_LIMITS.turnedAwayMax, Math.floor(openFilesMax / 16));
  const files = openFilesMax - RESERVED_FILES - turnedAwayMax;
  const upstream = Math.max(UPSTREAM_MIN, Math.floor(files / 3));
  return {
    clientConnectionsMax: Math.min(EDGE_LIMITS.clientConnectionsMax, Math.max(CLIENTS_MIN, files - upstream)),
    upstreamConnectionsMax: Math.min(EDGE_LIMITS.upstreamConnectionsMax, upstream),
    idleMax: Math.min(EDGE_LIMITS.idleMax, Math.floor(upstream / 2)),
    turnedAwayMax,
  };
}
