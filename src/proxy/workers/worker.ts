/**
 * One worker: an edge with its column of the board, led by the daemon over a socket. It never decides.
 * Owns its edge, its copy of the table and the inherited listening sockets; outlives its daemon and serves the next.
 */

import { existsSync, fstatSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { BoardColumn } from '../../edge/board/index.ts';
import type { EdgeHost } from '../../edge/exchange/edge-host.ts';
import type { AccessLog, Edge, EdgeSettings, WakeCause } from '../../edge/index.ts';
import { STOP_IDLE_MS } from '../limits.ts';
import { CountsBeat } from './counts-beat.ts';
import { DaemonConnection } from './daemon-connection.ts';
import { handOver } from './descriptor-passing.ts';
import { carryOut, certify } from './edge-orders.ts';
import { newWorkerEdge } from './worker-edge.ts';
import type { ToWorker } from './worker-protocol.ts';
import { WORKER_PROTOCOL } from './worker-protocol-version.ts';
import { WorkerTable } from './worker-table.ts';

export interface WorkerOptions {
  readonly column: BoardColumn;
  /** Of the board and then of each listening socket, those for TLS last: what an orphan hands to the next daemon. */
  readonly boardFd: number;
  readonly listenFds: readonly number[];
  readonly tlsListenFds: readonly number[];
  readonly edge: EdgeSettings;
  /** Where daemons listen for their workers. */
  readonly workersSocketPath: string;
  readonly version: string;
  readonly accessLog: AccessLog | null;
  /** When it is told to end by a signal and no daemon says otherwise. */
  readonly shutdownTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the process; the last thing a worker does. */
  readonly exit: (code: number) => void;
  /** Of a daemon that served by itself and hands over: it goes on as a worker. */
  readonly running?: RunningEdge;
}

export interface RunningEdge {
  readonly edge: Edge;
  readonly table: WorkerTable;
  /** The daemon whose table it is. */
  readonly daemon: string;
}

export class Worker implements EdgeHost {
  readonly #options: WorkerOptions;
  readonly #edge: Edge;
  readonly #table: WorkerTable;
  readonly #connection: DaemonConnection;
  #daemon: string | null;
  #isListening: boolean;
  readonly #counts: CountsBeat;
  #isDraining = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { clock, log } = options;
    const { running } = options;
    this.#table = running?.table ?? new WorkerTable();
    this.#daemon = running?.daemon ?? null;
    this.#isListening = running !== undefined;
    this.#edge =
      running?.edge ??
      newWorkerEdge({
        ...{ column: options.column, host: this, settings: options.edge, accessLog: options.accessLog },
        ...{ clock, log },
      });
    const events = {
      onConnected: () => this.#hello(),
      onMessage: (message: ToWorker) => this.#handle(message),
      onAway: () => this.#leaveWithoutHome(),
    };
    this.#connection = new DaemonConnection(options.workersSocketPath, events, clock, log);
    this.#counts = new CountsBeat({
      edge: this.#edge,
      accessLog: options.accessLog,
      clock,
      isListening: () => this.#connection.isConnected,
      send: (counts) => this.#connection.send({ type: 'counts', ...counts }),
    });
  }

  start(): void {
    this.#connection.open();
    this.#counts.start();
  }

  /** A signal said so: the daemon puts another one in its place. */
  leave(): void {
    this.#connection.send({ type: 'leaving' });
    void this.drain(this.#options.shutdownTimeoutMs, STOP_IDLE_MS);
  }

  /** Stops accepting, lets what runs finish, and ends. */
  async drain(timeoutMs: number, idleMs: number): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    const { cut } = await this.#edge.drain(timeoutMs, idleMs);
    this.#counts.stop();
    this.#counts.sendNow();
    this.#connection.send({ type: 'drained', cut });
    this.#options.exit(0);
  }

  wake(service: string, cause: WakeCause | null): void {
    this.#connection.send({ type: 'wake', service, cause });
  }

  targetAnswered(service: string, targetId: string, afterMs: number): void {
    const { generation } = this.#table;
    this.#connection.send({ type: 'answered', service, targetId, generation, afterMs });
  }

  targetRefused(service: string, targetId: string, reason: string): void {
    this.#connection.send({ type: 'refused', service, targetId, reason: reason.slice(0, 1_000) });
  }

  targetReached(service: string, targetId: string): void {
    this.#connection.send({ type: 'reached', service, targetId });
  }

  slotReleased(service: string): void {
    this.#connection.send({ type: 'slot-released', service });
  }

  certificateWanted(host: string): void {
    this.#connection.send({ type: 'certificate-wanted', host });
  }

  #hello(): void {
    this.#connection.send({
      type: 'hello',
      protocol: WORKER_PROTOCOL,
      version: this.#options.version,
      pid: process.pid,
      column: this.#options.column.index,
      board: fstatSync(this.#options.boardFd).ino,
      daemon: this.#daemon,
      generation: this.#table.generation,
      isDraining: this.#isDraining,
    });
  }

  #handle(message: ToWorker): void {
    switch (message.type) {
      case 'table':
        this.#daemon = message.daemon;
        this.#edge.apply(this.#table.replace(message.generation, message.services));
        this.#acknowledge();
        this.#edge.repeatWakes();
        this.#serve();
        break;
      case 'change':
        this.#edge.apply(this.#table.change(message.change));
        this.#acknowledge();
        break;
      case 'certificates':
      case 'certificate-change':
      case 'challenge':
        this.#connection.send({ type: 'certified', version: certify(this.#edge, message) });
        break;
      case 'drain':
        return void this.drain(message.timeoutMs, message.idleMs);
      case 'surrender':
        this.#surrender(message.path);
        break;
      default:
        carryOut(this.#edge, message);
    }
  }

  #acknowledge(): void {
    this.#connection.send({ type: 'ack', generation: this.#table.generation });
  }

  /** Never before it has a table: the first connection would meet an empty one. */
  #serve(): void {
    if (!this.#isListening && !this.#isDraining) {
      for (const fd of this.#options.listenFds) this.#edge.listen({ fd });
      for (const fd of this.#options.tlsListenFds) this.#edge.listenTls({ fd });
      this.#isListening = true;
    }
    this.#connection.send({ type: 'serving' });
  }

  #surrender(path: string): void {
    assert(this.#daemon !== null, 'a worker without a table has nothing to hand over');
    const { generation, services } = this.#table;
    const { boardFd, listenFds, tlsListenFds } = this.#options;
    this.#connection.send({ type: 'table', generation, services, tlsListeners: tlsListenFds.length });
    handOver(path, [boardFd, ...listenFds, ...tlsListenFds]);
  }

  /** The state directory is gone, so no daemon will ever come: an orphan must not stay for ever. */
  #leaveWithoutHome(): void {
    if (existsSync(dirname(this.#options.workersSocketPath))) return;
    this.#options.log.warn('the state directory is gone; leaving', { path: this.#options.workersSocketPath });
    void this.drain(this.#options.shutdownTimeoutMs, STOP_IDLE_MS);
  }
}
