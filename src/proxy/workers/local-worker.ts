/** A worker within the daemon's own process (`--workers 0`): the same edge, told by calls instead of lines. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import type { AccessLog, Edge, EdgeHost, EdgeSettings } from '../../edge/index.ts';
import { STOP_IDLE_MS } from '../limits.ts';
import { CountsBeat } from './counts-beat.ts';
import type { Crew, CrewListener, CrewTable } from './crew.ts';
import { carryOut, certify } from './edge-orders.ts';
import type { PublicSocket } from './socket-set.ts';
import type { WorkerOptions } from './worker.ts';
import { Worker } from './worker.ts';
import { newWorkerEdge } from './worker-edge.ts';
import type { CertificateOrder, ToWorker } from './worker-protocol.ts';
import { WorkerTable } from './worker-table.ts';

export interface LocalWorkerOptions {
  readonly column: BoardColumn;
  readonly edge: EdgeSettings;
  readonly listener: CrewListener;
  readonly clock: Clock;
  readonly log: Log;
  readonly daemonId: string;
  readonly accessLog: AccessLog | null;
}

export class LocalWorker {
  readonly #options: LocalWorkerOptions;
  readonly #edge: Edge;
  readonly #table = new WorkerTable();
  readonly #counts: CountsBeat;
  /** The daemon around it, until that hands over. */
  #host: EdgeHost;

  constructor(options: LocalWorkerOptions) {
    this.#options = options;
    const { column, clock, log } = options;
    this.#host = hostOf(options.listener, this.#table);
    this.#edge = newWorkerEdge({
      ...{ column, clock, log, settings: options.edge, accessLog: options.accessLog },
      host: {
        wake: (service, cause) => this.#host.wake(service, cause),
        targetAnswered: (service, targetId, afterMs) => this.#host.targetAnswered(service, targetId, afterMs),
        targetReached: (service, targetId) => this.#host.targetReached(service, targetId),
        slotReleased: (service) => this.#host.slotReleased(service),
        certificateWanted: (host) => this.#host.certificateWanted(host),
        targetRefused: (service, targetId, reason) => this.#host.targetRefused(service, targetId, reason),
      },
    });
    const { accessLog, listener } = options;
    this.#counts = new CountsBeat({
      edge: this.#edge,
      accessLog,
      clock,
      isListening: () => true,
      send: (counts) => listener.onCounts(column.index, counts),
    });
  }

  get column(): number {
    return this.#options.column.index;
  }

  start(
    crew: Crew,
    table: CrewTable,
    certificates: CertificateOrder,
    sockets: readonly PublicSocket[],
  ): void {
    crew.seatLocal(this.column, (message) => this.#handle(message));
    this.#handle(certificates);
    this.#handle({ type: 'table', daemon: this.#options.daemonId, ...table });
    for (const { fd, isTls } of sockets) {
      if (isTls) this.#edge.listenTls({ fd });
      else this.#edge.listen({ fd });
    }
    this.#counts.start();
  }

  /** The daemon that was around it is no more: it serves the next one as any worker does. */
  becomeWorker(options: Omit<WorkerOptions, 'column' | 'edge' | 'running' | 'accessLog'>): Worker {
    const { column, edge, daemonId, accessLog } = this.#options;
    this.#counts.stop();
    const running = { edge: this.#edge, table: this.#table, daemon: daemonId };
    const worker = new Worker({ ...options, column, edge, running, accessLog });
    this.#host = worker;
    worker.start();
    return worker;
  }

  drain(timeoutMs: number): Promise<{ readonly cut: number }> {
    this.#counts.stop();
    return this.#edge.drain(timeoutMs, STOP_IDLE_MS);
  }

  close(): void {
    this.#counts.stop();
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
      case 'certificates':
      case 'certificate-change':
      case 'challenge':
        // There is nobody to wait for: it is a fact when the call returns.
        certify(this.#edge, message);
        break;
      case 'drain':
      case 'surrender':
        throw new Error(`the daemon's own worker is never told to ${message.type}`);
      default:
        carryOut(this.#edge, message);
    }
  }

  #acknowledge(): void {
    this.#options.listener.onAcknowledged(this.column, this.#table.generation);
  }
}

function hostOf(listener: CrewListener, table: WorkerTable): EdgeHost {
  return {
    wake: (service, cause) => listener.onWake(service, cause),
    targetAnswered: (service, targetId) => listener.onAnswered(service, targetId, table.generation),
    targetReached: (service, targetId) => listener.onReached(service, targetId),
    slotReleased: (service) => listener.onSlotReleased(service),
    certificateWanted: (host) => listener.onCertificateWanted(host),
    targetRefused: (service, targetId, reason) => listener.onRefused(service, targetId, reason),
  };
}
