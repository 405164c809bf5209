/** A worker within the daemon's own process (`--workers 0`): the same edge, told by calls instead of lines. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import { Edge } from '../../edge/index.ts';
import type { Crew, CrewListener } from './crew.ts';
import type { ListeningSocket } from './listening-socket.ts';
import type { ToWorker } from './worker-protocol.ts';
import { WorkerTable } from './worker-table.ts';

export interface LocalWorkerOptions {
  readonly column: BoardColumn;
  readonly listener: CrewListener;
  readonly clock: Clock;
  readonly log: Log;
}

export class LocalWorker {
  readonly #options: LocalWorkerOptions;
  readonly #edge: Edge;
  readonly #table = new WorkerTable();

  constructor(options: LocalWorkerOptions) {
    this.#options = options;
    const { column, clock, log, listener } = options;
    this.#edge = new Edge({
      column,
      clock,
      onError: (error) => log.error('the edge failed', { error }),
      host: {
        wake: (service) => listener.onWake(service),
        targetAnswered: (service, targetId) => listener.onAnswered(service, targetId),
        targetRefused: (service, targetId, reason) => listener.onRefused(service, targetId, reason),
      },
    });
  }

  start(crew: Crew, table: Extract<ToWorker, { type: 'table' }>, sockets: readonly ListeningSocket[]): void {
    crew.seatLocal(this.#options.column.index, (message) => this.#handle(message));
    this.#handle(table);
    for (const { fd } of sockets) this.#edge.listen({ fd });
  }

  drain(timeoutMs: number): Promise<{ readonly cut: number }> {
    return this.#edge.drain(timeoutMs);
  }

  close(): void {
    this.#edge.close();
  }

  #handle(message: ToWorker): void {
    switch (message.type) {
      case 'table':
        this.#edge.apply(this.#table.replace(message.generation, message.services));
        this.#acknowledge();
        break;
      case 'change':
        this.#edge.apply(this.#table.change(message.change));
        this.#acknowledge();
        break;
      case 'opened':
        this.#edge.opened(message.service);
        break;
      case 'closed':
        this.#edge.closed(message.service);
        break;
      case 'refuse':
        this.#edge.refuse(message.service, message.failure);
        break;
      case 'drain':
      case 'surrender':
        throw new Error(`the daemon's own worker is never told to ${message.type}`);
    }
  }

  #acknowledge(): void {
    this.#options.listener.onAcknowledged(this.#options.column.index, this.#table.generation);
  }
}
