/**
 * Who serves for the daemon: its worker processes or, without any, the edge in its own. Owns both from their start until
 * they are stopped, killed or left to the next daemon. The board and the sockets they serve by are the daemon's.
 */
import type { RowAllocator } from '../edge/board/index.ts';
import { machineNowMs } from '../edge/board/index.ts';
import { EDGE_LIMITS, type EdgeSettings } from '../edge/contract.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { STOP_IDLE_MS } from './limits.ts';
import type { TrafficTotals } from './metrics/traffic-totals.ts';
import type { Crew, CrewListener, CrewTable } from './workers/crew.ts';
import { Fleet } from './workers/fleet.ts';
import type { LocalWorker } from './workers/local-worker.ts';
import type { Inheritance } from './workers/orphans.ts';
import { ownConnectionBudget } from './workers/own-connection-budget.ts';
import type { SharedBoard } from './workers/shared-board.ts';
import type { PublicSocket } from './workers/socket-set.ts';
import type { Worker } from './workers/worker.ts';
import { spawnWorker } from './workers/worker-flags.ts';
import type { CertificateOrder } from './workers/worker-protocol.ts';

export interface DaemonWorkersParts {
  readonly options: DaemonOptions;
  readonly daemonId: string;
  readonly workersSocketPath: string;
  readonly crew: Crew;
  /** What the edge in the daemon's own process says goes where the crew's words go. */
  readonly listener: CrewListener;
  readonly shared: SharedBoard;
  readonly rows: RowAllocator;
  readonly sockets: readonly PublicSocket[];
  readonly totals: TrafficTotals;
  readonly table: () => CrewTable;
  readonly certificates: () => CertificateOrder;
  /** How many columns the last daemon's workers still have. */
  readonly takenCount: number;
}

/** Nobody serves from it: what dead workers left is folded into it. */
const OWN_COLUMN = 0;

export class DaemonWorkers {
  readonly #parts: DaemonWorkersParts;
  /** Columns that workers may have. */
  readonly #columns: readonly number[];
  readonly #fleet: Fleet;
  #local: LocalWorker | undefined;
  #isLeft = false;
  /** What this process is after it handed over, if it served by itself. */
  #afterwards: Worker | undefined;

  constructor(parts: DaemonWorkersParts) {
    this.#parts = parts;
    const { options, crew, shared, takenCount } = parts;
    this.#columns = Array.from({ length: shared.board.columns - 1 }, (_, index) => index + 1);
    this.#fleet = new Fleet({
      count: Math.min(options.workers, Math.max(1, this.#columns.length - takenCount)),
      columns: this.#columns,
      crew,
      spawn: (column) => this.#spawn(column),
      onDead: (column) => this.#bury(column),
      clock: options.clock,
      log: options.log,
    });
  }

  /** Resolves when all of them serve, and the last daemon's workers are told to finish. */
  async start(inherited: Inheritance | null): Promise<void> {
    const { options, crew } = this.#parts;
    const fleet = this.#fleet;
    this.#noteConnectionCap();
    if (inherited) this.#buryAll(inherited);
    for (const orphan of inherited?.orphans ?? []) fleet.adopt(orphan);
    for (const worker of inherited?.silent ?? []) fleet.awaitSilent(worker);
    crew.acceptOrphans((orphan) => fleet.adoptLate(orphan));
    if (options.workers === 0) await this.#serveAlone(fleet.takeColumn());
    await fleet.start();
    fleet.dismissOrphans();
  }

  /** How many workers took the place of one that died. */
  get restartCount(): number {
    return this.#fleet.restartCount;
  }

  /** Those that will say hello to the next daemon. */
  get pids(): readonly number[] {
    return [...this.#fleet.pids, ...(this.#local ? [process.pid] : [])];
  }

  /** One after the other: the next one serves before the last one stops accepting. */
  restart(): Promise<void> {
    return this.#fleet.restart();
  }

  /** They stop accepting and end when what they have is finished, or after the time. */
  async stop(): Promise<void> {
    const { shutdownTimeoutMs } = this.#parts.options;
    if (this.#isLeft) return this.#afterwards?.drain(shutdownTimeoutMs, STOP_IDLE_MS);
    await Promise.all([this.#fleet.stop(shutdownTimeoutMs), this.#local?.drain(shutdownTimeoutMs)]);
  }

  kill(): void {
    // Workers that were handed over are the next daemon's.
    if (!this.#isLeft) this.#fleet.kill();
    this.#local?.close();
  }

  /** The daemon goes and the workers stay, for the next one. */
  leave(): void {
    this.#isLeft = true;
    this.#fleet.abandon();
  }

  /** The edge in this process serves the next daemon as any worker does. Resolves when it has finished. */
  async goOnAsWorker(): Promise<void> {
    if (!this.#local) return;
    const { version, shutdownTimeoutMs, clock, log } = this.#parts.options;
    const { shared, sockets, workersSocketPath } = this.#parts;
    const finished = Promise.withResolvers<void>();
    this.#afterwards = this.#local.becomeWorker({
      boardFd: shared.fd,
      listenFds: sockets.filter(({ isTls }) => !isTls).map(({ fd }) => fd),
      tlsListenFds: sockets.filter(({ isTls }) => isTls).map(({ fd }) => fd),
      workersSocketPath,
      version,
      shutdownTimeoutMs,
      clock,
      log,
      exit: () => finished.resolve(),
    });
    return finished.promise;
  }

  #spawn(column: number): ReturnType<typeof spawnWorker> {
    const { options, sockets, shared, workersSocketPath } = this.#parts;
    const { shutdownTimeoutMs, workerCommand } = options;
    const tlsListeners = sockets.filter(({ isTls }) => isTls).length;
    const listeners = sockets.length - tlsListeners;
    const edge = this.#edge;
    const flags = { column, workersSocketPath, listeners, tlsListeners, shutdownTimeoutMs, edge };
    return spawnWorker(workerCommand, flags, shared.fd, sockets);
  }

  /** The data plane is loaded only by the daemon that is its own worker. */
  async #serveAlone(index: number): Promise<void> {
    const { LocalWorker } = await import('./workers/local-worker.ts');
    const { options, daemonId, crew, listener, shared, sockets, table, certificates } = this.#parts;
    const { clock, log, accessLog } = options;
    const edge = this.#edge;
    const column = shared.board.column(index);
    this.#local = new LocalWorker({ column, edge, listener, clock, log, daemonId, accessLog });
    this.#local.start(crew, table(), certificates(), sockets);
  }

  /** As workers are told it: with the port that was found. */
  get #edge(): EdgeSettings {
    const { options, sockets } = this.#parts;
    return { ...options.edge, httpsPort: sockets.find(({ isTls }) => isTls)?.port ?? null };
  }

  /** Told once, by the daemon: its workers have the same limit. */
  #noteConnectionCap(): void {
    const { clientConnectionsMax } = ownConnectionBudget();
    if (clientConnectionsMax >= EDGE_LIMITS.clientConnectionsMax) return;
    this.#parts.options.log.warn(
      'the limit of open files is low: raise it with `ulimit -n` or LimitNOFILE=',
      {
        connections_per_worker: clientConnectionsMax,
      },
    );
  }

  /** On a board taken over: columns of workers that died while no daemon looked. */
  #buryAll({ orphans, silent }: Inheritance): void {
    const living = new Set([
      ...orphans.map(({ hello }) => hello.column),
      ...silent.map(({ column }) => column),
    ]);
    for (const column of this.#columns) {
      if (!living.has(column)) this.#bury(column);
    }
  }

  #bury(column: number): void {
    const { shared, rows, totals } = this.#parts;
    shared.board.foldColumn(column, OWN_COLUMN, machineNowMs());
    rows.workerGone(column);
    totals.workerGone(column);
  }
}
