/** Builds the edge of a worker, whichever process it lives in: what people set, within what the process may open. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import type { AccessLog, EdgeHost, EdgeSettings } from '../../edge/index.ts';
import { Edge } from '../../edge/index.ts';
import { ownConnectionBudget } from './own-connection-budget.ts';

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
