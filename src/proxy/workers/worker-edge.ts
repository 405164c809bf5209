/** Builds the edge of a worker, whichever process it lives in: what people set, within what the process may open. */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import type { AccessLog, ConnectionBudget, EdgeHost, EdgeSettings } from '../../edge/index.ts';
import { connectionBudget, Edge } from '../../edge/index.ts';

export interface WorkerEdgeOptions {
  readonly column: BoardColumn;
  readonly host: EdgeHost;
  readonly settings: EdgeSettings;
  readonly accessLog: AccessLog | null;
  readonly clock: Clock;
  readonly log: Log;
}

export function newWorkerEdge({ column, host, settings, accessLog, clock, log }: WorkerEdgeOptions): Edge {
  return new Edge({
    ...{ column, host, clock, settings, accessLog },
    limits: ownConnectionBudget(),
    onError: (error) => log.error('the edge failed', { error }),
  });
}

/** Of this process; its children have the same. */
export function ownConnectionBudget(): ConnectionBudget {
  return connectionBudget(openFilesMax());
}

/** RLIMIT_NOFILE, the soft one: it is the one that counts. */
function openFilesMax(): number {
  const text = readFileSync('/proc/self/limits', 'latin1');
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1] ?? '';
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft);
}
