/**
 * The always-on daemon: it holds the listening sockets, the board, the services and the workers, and decides.
 * Owns their beginning and end, in this order: lock, state, sockets, services, workers, management socket.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { LumaError } from '../base/errors.ts';
import { HeapTrim } from '../base/heap-trim.ts';
import { randomId } from '../base/random-id.ts';
import { machineNowMs, RowAllocator } from '../edge/board/index.ts';
import { EDGE_LIMITS, type EdgeSettings, probeTarget } from '../edge/contract.ts';
import { bootId } from './boot-id.ts';
import type { CertificateStatus } from './client/certificate-schema.ts';
import type { ProxyHealth, ProxyStatus, ServiceStatus } from './client/status-schema.ts';
import { DaemonCertificates } from './daemon-certificates.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { proxyStatus } from './daemon-status.ts';
import { ClientCommands } from './deploys/client-commands.ts';
import { ErrorPageStore } from './deploys/error-page-store.ts';
import { FileIntake } from './deploys/file-intake.ts';
import { BOARD_ROWS, STOP_IDLE_MS } from './limits.ts';
import { LinkServer } from './link/link-server.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import { metricsText } from './metrics/metrics-text.ts';
import { TrafficTotals } from './metrics/traffic-totals.ts';
import type { Commands } from './server/command-server.ts';
import { CommandServer } from './server/command-server.ts';
import { bindPrivately, checkSocketPlace, prepareSocketPath } from './server/management-socket.ts';
import { noOptions } from './services/global-options.ts';
import { unknownService } from './services/refusals.ts';
import { Registry } from './services/registry.ts';
import { RouteTable } from './services/route-table.ts';
import { fromState, fromTable, savedFrom } from './services/saved-services.ts';
import type { ServiceEntry } from './services/service-entry.ts';
import { statusOfService } from './services/service-report.ts';
import type { SavedState } from './state/index.ts';
import { loadState, STATE_VERSION, StateFile, type StateLock } from './state/index.ts';
import { takeLock } from './take-over.ts';
import type { CrewTable } from './workers/crew.ts';
import { Crew } from './workers/crew.ts';
import { Fleet } from './workers/fleet.ts';
import type { ListenAddress } from './workers/listening-socket.ts';
import { closeListeningSocket } from './workers/listening-socket.ts';
import type { LocalWorker } from './workers/local-worker.ts';
import type { Inheritance } from './workers/orphans.ts';
import { inheritFromOrphans } from './workers/orphans.ts';
import { ownConnectionBudget } from './workers/own-connection-budget.ts';
import type { SharedBoard } from './workers/shared-board.ts';
import { closeSharedBoard, makeSharedBoard } from './workers/shared-board.ts';
import { openSockets, type PublicSocket } from './workers/socket-set.ts';
import type { Worker } from './workers/worker.ts';
import { spawnWorker } from './workers/worker-flags.ts';
import type { CertificateOrder } from './workers/worker-protocol.ts';

/** Nobody serves from it: what dead workers left is folded into it. */
const OWN_COLUMN = 0;

export class Daemon implements Commands {
  readonly #options: DaemonOptions;
  readonly #id = randomId(16);
  readonly #startedAt: string;
  readonly #lock: StateLock;
  readonly #state: StateFile;
  readonly #links: LinkServer;
  readonly #crew: Crew;
  readonly #certificates: DaemonCertificates;
  readonly #commands: CommandServer;
  #table = new RouteTable(0, (message) => this.#crew.tell(message));
  #shared: SharedBoard | undefined;
  #sockets: readonly PublicSocket[] = [];
  #registry: Registry | undefined;
  #client: ClientCommands | undefined;
  #rows: RowAllocator | undefined;
  #fleet: Fleet | undefined;
  #local: LocalWorker | undefined;
  /** What this process is after it handed over, if it served by itself. */
  #afterwards: Worker | undefined;
  #phase: ProxyStatus['state'] = 'serving';
  readonly #handedOver = Promise.withResolvers<void>();
  readonly #totals = new TrafficTotals((service) => this.#registry?.find(service) !== undefined);
  #metricsServer: MetricsServer | undefined;
  /** Null where requests are served by this very process: collecting would hold them up. */
  readonly #trim: HeapTrim | null;

  private constructor(options: DaemonOptions, lock: StateLock) {
    const { clock, log, version } = options;
    this.#options = options;
    this.#lock = lock;
    this.#trim = options.workers === 0 ? null : new HeapTrim(clock);
    this.#startedAt = new Date(clock.now()).toISOString();
    const collect = (): SavedState => this.#collectState();
    this.#state = new StateFile({ stateDir: options.stateDir, clock, log, collect });
    const save = (): Promise<void> => this.#state.save();
    this.#links = new LinkServer({ registry: () => this.#services, save, version, clock, log });
    this.#certificates = new DaemonCertificates({
      options,
      channel: () => this.#crew,
      registry: () => this.#services,
      email: () => this.#client?.options.letsEncryptEmail ?? null,
    });
    this.#commands = new CommandServer(this, this.#links, log);
    const table = (): CrewTable => this.#table.current();
    const certificates = (): CertificateOrder => this.#certificates.current;
    this.#crew = new Crew({
      daemonId: this.#id,
      clock,
      log,
      listener: this.#crewListener(),
      table,
      certificates,
    });
  }

  /** Resolves when it serves. Every mistake of the person who starts it is a LumaError. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { lock, announced } = await takeLock(options);
    // Workers are known by this path: it must be the same by whatever name the directory is called.
    const daemon = new Daemon({ ...options, stateDir: realpathSync(options.stateDir) }, lock);
    try {
      await daemon.#begin(announced);
      daemon.#trim?.started();
      return daemon;
    } catch (error) {
      await daemon.#giveUp();
      throw error;
    }
  }

  /** Resolves when it has handed over and nothing is left for this process to do. */
  get handedOver(): Promise<void> {
    return this.#handedOver.promise;
  }

  get listeners(): readonly (ListenAddress & { readonly isTls: boolean })[] {
    return this.#sockets.map(({ hostname, port, isTls }) => ({ hostname, port, isTls }));
  }

  /** Stops accepting, lets what runs finish for as long as it may, saves, and leaves nothing behind. */
  async stop(): Promise<void> {
    if (this.#phase === 'handing_over')
      return this.#afterwards?.drain(this.#options.shutdownTimeoutMs, STOP_IDLE_MS);
    if (this.#phase !== 'serving') return;
    this.#phase = 'stopping';
    this.client.leave(notServing(this.#phase));
    this.#certificates.close();
    this.#closeSockets();
    const timeoutMs = this.#options.shutdownTimeoutMs;
    await Promise.all([this.#fleet?.stop(timeoutMs), this.#local?.drain(timeoutMs)]);
    this.#links.close();
    await this.#commands.close(this.#options.clock);
    await this.#state.save();
    await this.#giveUp();
  }

  /** A second signal: nothing is waited for. */
  kill(): void {
    // Workers that were handed over are the next daemon's.
    if (this.#phase !== 'handing_over') this.#fleet?.kill();
    this.#local?.close();
  }

  // ---- Commands

  get client(): ClientCommands {
    if (!this.#client) throw new Error('the daemon has not begun');
    return this.#client;
  }

  health(): ProxyHealth {
    return { status: 'ok', version: this.#options.version, pid: process.pid };
  }

  status(): ProxyStatus {
    return proxyStatus({
      options: this.#options,
      startedAt: this.#startedAt,
      state: this.#phase,
      generation: this.#table.generation,
      listeners: this.listeners,
      links: this.#links.links,
      members: this.#crew.members,
      workerRestarts: this.#fleet?.restartCount ?? 0,
      services: this.listServices(),
    });
  }

  metrics(): string {
    const services = this.#services.entries.map((entry) => {
      const { inFlight, held } = this.#services.runner.activity(entry);
      return { name: entry.spec.name, inFlight, held };
    });
    return metricsText({
      version: this.#options.version,
      totals: this.#totals,
      services,
      workers: this.#crew.members,
      workerRestarts: this.#fleet?.restartCount ?? 0,
      expose: (out) => this.#certificates.expose(out),
    });
  }

  certificates(): readonly CertificateStatus[] {
    return this.#certificates.statuses;
  }

  renewCertificate(host: string): CertificateStatus {
    if (this.#phase !== 'serving') throw notServing(this.#phase);
    return this.#certificates.renew(host);
  }

  listServices(): ServiceStatus[] {
    return this.#services.entries.map((entry) => this.#statusOf(entry));
  }

  getService(name: string): ServiceStatus {
    const entry = this.#services.find(name);
    if (entry) return this.#statusOf(entry);
    throw unknownService(name);
  }

  async restartWorkers(): Promise<void> {
    if (this.#phase !== 'serving') throw notServing(this.#phase);
    await this.#fleet?.restart();
  }

  async handOver(): Promise<{ pids: readonly number[] }> {
    if (this.#phase !== 'serving') throw notServing(this.#phase);
    this.#phase = 'handing_over';
    this.#options.log.info('handing over to the next daemon');
    this.client.leave(notServing(this.#phase));
    this.#certificates.close();
    this.#fleet!.abandon();
    // Control planes come back to the next daemon; fences that they have not signalled are lifted.
    this.#links.close();
    await this.#state.save();
    const pids = [...this.#fleet!.pids, ...(this.#local ? [process.pid] : [])];
    void this.#leave();
    return { pids };
  }

  /** The answer that announces the workers is still on its way when this begins: it is waited for. */
  async #leave(): Promise<void> {
    const { clock } = this.#options;
    await this.#commands.refuse(notServing(this.#phase), clock);
    this.#registry?.close();
    this.#trim?.close();
    this.#state.close();
    this.#crew.close();
    await this.#metricsServer?.close();
    const servedItself = this.#local ? this.#goOnAsWorker() : undefined;
    this.#lock.release();
    await Promise.all([this.#commands.leave(clock), servedItself]);
    this.#handedOver.resolve();
  }

  /** Resolves when it has finished. */
  #goOnAsWorker(): Promise<void> {
    const { version, shutdownTimeoutMs, clock, log, stateDir } = this.#options;
    const { fd: boardFd } = this.#shared!;
    const finished = Promise.withResolvers<void>();
    this.#afterwards = this.#local!.becomeWorker({
      boardFd,
      listenFds: this.#sockets.filter(({ isTls }) => !isTls).map(({ fd }) => fd),
      tlsListenFds: this.#sockets.filter(({ isTls }) => isTls).map(({ fd }) => fd),
      workersSocketPath: workersSocketPathOf(stateDir),
      version,
      shutdownTimeoutMs,
      clock,
      log,
      exit: () => finished.resolve(),
    });
    return finished.promise;
  }

  // ---- the beginning

  async #begin(announced: readonly number[]): Promise<void> {
    const { stateDir, socketPath, log, clock, workers, metricsPort } = this.#options;
    await checkSocketPlace(socketPath, '--socket-path');
    const saved = await loadState(stateDir);
    const workersSocketPath = workersSocketPathOf(stateDir);
    await prepareSocketPath(workersSocketPath, '--state-dir');
    bindPrivately(() => this.#crew.listen(workersSocketPath));
    const search = { crew: this.#crew, workersSocketPath, announced, clock, log };
    const inherited = await inheritFromOrphans(search);
    this.#sockets = openSockets(this.#options, inherited?.sockets ?? []);
    const columns = Math.max(16, 2 * workers + 8);
    this.#shared = inherited?.shared ?? makeSharedBoard(stateDir, { rows: BOARD_ROWS, columns });
    this.#restore(saved, inherited);
    await this.#certificates.load();
    this.#client = this.#makeClient(saved);
    await this.#startWorkers(workersSocketPath, inherited);
    if (inherited) await this.#saveInherited();
    this.#services.open();
    this.#certificates.open();
    if (metricsPort !== null) this.#metricsServer = new MetricsServer(metricsPort, () => this.metrics());
    // The daemon before leaves as soon as the socket is ours: by then it is known who comes after it.
    this.#options.onServing();
    this.#commands.listen(socketPath);
  }

  /** What the workers knew may be newer than the file, and whoever asks from now on may rely on it. */
  async #saveInherited(): Promise<void> {
    try {
      await this.#state.save();
    } catch (error) {
      // The workers still have it, and commands say so themselves when they cannot be saved.
      this.#options.log.error('what the workers handed over could not be saved', { error });
      this.#state.changed();
    }
  }

  /** The table of workers that still serve by it is newer than the file. */
  #restore(saved: SavedState | null, inherited: Inheritance | null): void {
    const { board } = this.#shared!;
    this.#rows = new RowAllocator(board);
    this.#table = new RouteTable(inherited?.table.generation ?? 0, (message) => this.#crew.tell(message));
    this.#registry = new Registry({
      board,
      rows: this.#rows,
      table: this.#table,
      clock: this.#options.clock,
      nowMs: machineNowMs,
      probe: probeTarget,
      ownListeners: () => [...this.#sockets, ...(this.#metricsServer ? [this.#metricsServer.address] : [])],
      linkState: (owner) => this.#links.stateOf(owner),
      tellOwner: (owner, message) => this.#links.tell(owner, message),
      onChanged: () => {
        this.#state.changed();
        this.#certificates.servicesChanged();
        this.#trim?.changed();
      },
    });
    const restored = inherited
      ? fromTable(inherited.table, board, this.#rows)
      : fromState(saved, bootId(), this.#rows);
    if (inherited) this.#registry.drains.inherit(this.#rows.adoptCounted(), this.#table.generation);
    for (const service of restored) this.#registry.restore(service);
    this.#table.flush();
  }

  #makeClient(saved: SavedState | null): ClientCommands {
    const { clock, stateDir } = this.#options;
    return new ClientCommands({
      registry: () => this.#services,
      statusOf: (entry) => this.#statusOf(entry),
      options: saved?.options ?? noOptions,
      clock,
      certificates: this.#certificates.forDeploys,
      files: new FileIntake({
        errorPages: new ErrorPageStore(stateDir),
        ownCertificates: this.#certificates.own,
        errorPagesInUse: () => errorPagesIn(this.#services.entries),
      }),
      acknowledged: () => this.#crew.acknowledged(this.#table.generation),
      save: () => this.#state.save(),
      cut: (service, targetIds) => this.#crew.tell({ type: 'cut', service, targetIds }),
    });
  }

  async #startWorkers(workersSocketPath: string, inherited: Inheritance | null): Promise<void> {
    const { board, fd } = this.#shared!;
    const { clock, log, shutdownTimeoutMs, workerCommand, workers } = this.#options;
    this.#noteConnectionCap();
    const sockets = this.#sockets;
    const columns = Array.from({ length: board.columns - 1 }, (_, index) => index + 1);
    if (inherited) this.#buryAll(columns, inherited);
    const takenCount = inherited ? inherited.orphans.length + inherited.silent.length : 0;
    const fleet = new Fleet({
      count: Math.min(workers, Math.max(1, columns.length - takenCount)),
      columns,
      crew: this.#crew,
      spawn: (column) => {
        const tlsListeners = sockets.filter(({ isTls }) => isTls).length;
        const listeners = sockets.length - tlsListeners;
        const flags = {
          column,
          workersSocketPath,
          listeners,
          tlsListeners,
          shutdownTimeoutMs,
          edge: this.#edge,
        };
        return spawnWorker(workerCommand, flags, fd, sockets);
      },
      onDead: (column) => this.#bury(column),
      clock,
      log,
    });
    this.#fleet = fleet;
    for (const orphan of inherited?.orphans ?? []) fleet.adopt(orphan);
    for (const worker of inherited?.silent ?? []) fleet.awaitSilent(worker);
    this.#crew.acceptOrphans((orphan) => fleet.adoptLate(orphan));
    if (workers === 0) await this.#serveAlone(fleet.takeColumn());
    await fleet.start();
    fleet.dismissOrphans();
  }

  /** As workers are told it: with the port that was found. */
  get #edge(): EdgeSettings {
    const httpsPort = this.#sockets.find(({ isTls }) => isTls)?.port ?? null;
    return { ...this.#options.edge, httpsPort };
  }

  /** Told once, by the daemon: its workers have the same limit. */
  #noteConnectionCap(): void {
    const { clientConnectionsMax } = ownConnectionBudget();
    if (clientConnectionsMax >= EDGE_LIMITS.clientConnectionsMax) return;
    this.#options.log.warn('the limit of open files is low: raise it with `ulimit -n` or LimitNOFILE=', {
      connections_per_worker: clientConnectionsMax,
    });
  }

  /** The data plane is loaded only by the daemon that is its own worker. */
  async #serveAlone(index: number): Promise<void> {
    const { LocalWorker } = await import('./workers/local-worker.ts');
    const { clock, log, accessLog } = this.#options;
    const edge = this.#edge;
    const column = this.#shared!.board.column(index);
    const listener = this.#crewListener();
    this.#local = new LocalWorker({ column, edge, listener, clock, log, daemonId: this.#id, accessLog });
    const certificates = this.#certificates.current;
    this.#local.start(this.#crew, this.#table.current(), certificates, this.#sockets);
  }

  #crewListener(): ConstructorParameters<typeof Crew>[0]['listener'] {
    return {
      onAcknowledged: (column, generation) => this.#rows?.acknowledged(column, generation),
      onWake: (service, cause) => this.#services.wake(service, cause),
      onAnswered: (service, targetId, generation) => this.#services.answered(service, targetId, generation),
      onSlotReleased: (service) => this.#crew.tell({ type: 'slot-released', service }),
      onRefused: (service, targetId, reason) => this.#services.targetRefused(service, targetId, reason),
      onCertificateWanted: (host) =>
        void this.#certificates
          .demand(host)
          .then(() => this.#crew.tell({ type: 'certificate-answer', host })),
      onCounts: (column, counts) => this.#totals.add(column, counts),
      onRegistered: () => this.#services.raiseHeld(),
    };
  }

  /** On a board taken over: columns of workers that died while no daemon looked. */
  #buryAll(columns: readonly number[], { orphans, silent }: Inheritance): void {
    const living = new Set([
      ...orphans.map(({ hello }) => hello.column),
      ...silent.map(({ column }) => column),
    ]);
    for (const column of columns) {
      if (!living.has(column)) this.#bury(column);
    }
  }

  #bury(column: number): void {
    this.#shared!.board.foldColumn(column, OWN_COLUMN, machineNowMs());
    this.#rows!.workerGone(column);
    this.#totals.workerGone(column);
  }

  // ---- the rest

  get #services(): Registry {
    if (!this.#registry) throw new Error('the daemon has not begun');
    return this.#registry;
  }

  #statusOf(entry: ServiceEntry): ServiceStatus {
    return statusOfService(entry, this.#services, this.#shared!.board, machineNowMs());
  }

  #collectState(): SavedState {
    const services = this.#services.entries.map(savedFrom);
    const options = this.#client?.options ?? noOptions;
    return { version: STATE_VERSION, bootId: bootId(), options, services };
  }

  #closeSockets(): void {
    for (const socket of this.#sockets) closeListeningSocket(socket);
    this.#sockets = [];
  }

  async #giveUp(): Promise<void> {
    this.#certificates.close();
    this.#fleet?.kill();
    this.#local?.close();
    this.#registry?.close();
    this.#trim?.close();
    this.#state.close();
    this.#links.close();
    await this.#commands.close(this.#options.clock);
    this.#crew.close();
    await this.#metricsServer?.close();
    this.#closeSockets();
    if (this.#shared) closeSharedBoard(this.#shared);
    this.#shared = undefined;
    this.#lock.release();
  }
}

function errorPagesIn(entries: readonly ServiceEntry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ spec }) => spec.errorPages ?? []));
}

function workersSocketPathOf(stateDir: string): string {
  return join(stateDir, 'workers.sock');
}

function notServing(phase: ProxyStatus['state']): LumaError {
  return new LumaError('handing_over', `this luma-proxy is ${phase.replace('_', ' ')}`, {
    hint: 'try again in a moment',
  });
}
