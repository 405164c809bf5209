/**
 * The always-on daemon: it holds the listening sockets, the board, the services and the workers, and decides.
 * Owns their beginning and end, in this order: lock, state, sockets, services, workers, management socket.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { LumaError } from '../base/errors.ts';
import { HeapTrim } from '../base/heap-trim.ts';
import { randomId } from '../base/random-id.ts';
import { bootId } from './boot-id.ts';
import type { CertificateStatus } from './client/certificate-schema.ts';
import type { ProxyHealth, ProxyStatus, ServiceStatus } from './client/status-schema.ts';
import { DaemonCertificates } from './daemon-certificates.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { DaemonServices } from './daemon-services.ts';
import { proxyStatus } from './daemon-status.ts';
import { DaemonWorkers } from './daemon-workers.ts';
import { ClientCommands } from './deploys/client-commands.ts';
import { ErrorPageStore } from './deploys/error-page-store.ts';
import { FileIntake } from './deploys/file-intake.ts';
import { BOARD_ROWS } from './limits.ts';
import { LinkServer } from './link/link-server.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import { metricsText } from './metrics/metrics-text.ts';
import { TrafficTotals } from './metrics/traffic-totals.ts';
import type { Commands } from './server/command-server.ts';
import { CommandServer } from './server/command-server.ts';
import { bindPrivately, checkSocketPlace, prepareSocketPath } from './server/management-socket.ts';
import { noOptions } from './services/global-options.ts';
import type { Registry } from './services/registry.ts';
import type { ServiceEntry } from './services/service-entry.ts';
import type { SavedState } from './state/index.ts';
import { loadState, STATE_VERSION, StateFile, type StateLock } from './state/index.ts';
import { takeLock } from './take-over.ts';
import type { CrewListener, CrewTable } from './workers/crew.ts';
import { Crew } from './workers/crew.ts';
import type { ListenAddress } from './workers/listening-socket.ts';
import { closeListeningSocket } from './workers/listening-socket.ts';
import type { Inheritance } from './workers/orphans.ts';
import { inheritFromOrphans } from './workers/orphans.ts';
import type { SharedBoard } from './workers/shared-board.ts';
import { closeSharedBoard, makeSharedBoard } from './workers/shared-board.ts';
import { openSockets, type PublicSocket } from './workers/socket-set.ts';
import type { CertificateOrder } from './workers/worker-protocol.ts';

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
  #shared: SharedBoard | undefined;
  #sockets: readonly PublicSocket[] = [];
  #services: DaemonServices | undefined;
  #client: ClientCommands | undefined;
  #workers: DaemonWorkers | undefined;
  #phase: ProxyStatus['state'] = 'serving';
  readonly #handedOver = Promise.withResolvers<void>();
  readonly #totals = new TrafficTotals((service) => this.#services?.registry.find(service) !== undefined);
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
    this.#links = new LinkServer({ registry: () => this.#registry, save, version, clock, log });
    this.#certificates = new DaemonCertificates({
      options,
      channel: () => this.#crew,
      registry: () => this.#registry,
      email: () => this.#client?.options.letsEncryptEmail ?? null,
    });
    this.#commands = new CommandServer(this, this.#links, log);
    const table = (): CrewTable => this.#begunServices.table.current();
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
    if (this.#phase === 'handing_over') return this.#workers?.stop();
    if (this.#phase !== 'serving') return;
    this.#phase = 'stopping';
    this.client.leave(notServing(this.#phase));
    this.#certificates.close();
    this.#closeSockets();
    await this.#workers?.stop();
    this.#links.close();
    await this.#commands.close(this.#options.clock);
    await this.#state.save();
    await this.#giveUp();
  }

  /** A second signal: nothing is waited for. */
  kill(): void {
    this.#workers?.kill();
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
      generation: this.#begunServices.table.generation,
      listeners: this.listeners,
      links: this.#links.links,
      members: this.#crew.members,
      workerRestarts: this.#workers?.restartCount ?? 0,
      services: this.listServices(),
    });
  }

  metrics(): string {
    return metricsText({
      version: this.#options.version,
      totals: this.#totals,
      services: this.#begunServices.activity,
      workers: this.#crew.members,
      workerRestarts: this.#workers?.restartCount ?? 0,
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
    return this.#begunServices.statuses;
  }

  getService(name: string): ServiceStatus {
    return this.#begunServices.status(name);
  }

  async restartWorkers(): Promise<void> {
    if (this.#phase !== 'serving') throw notServing(this.#phase);
    await this.#workers?.restart();
  }

  async handOver(): Promise<{ pids: readonly number[] }> {
    if (this.#phase !== 'serving') throw notServing(this.#phase);
    this.#phase = 'handing_over';
    this.#options.log.info('handing over to the next daemon');
    this.client.leave(notServing(this.#phase));
    this.#certificates.close();
    this.#workers!.leave();
    // Control planes come back to the next daemon; fences that they have not signalled are lifted.
    this.#links.close();
    await this.#state.save();
    const { pids } = this.#workers!;
    void this.#leave();
    return { pids };
  }

  /** The answer that announces the workers is still on its way when this begins: it is waited for. */
  async #leave(): Promise<void> {
    const { clock } = this.#options;
    await this.#commands.refuse(notServing(this.#phase), clock);
    this.#services?.registry.close();
    this.#trim?.close();
    this.#state.close();
    this.#crew.close();
    await this.#metricsServer?.close();
    const afterwards = this.#workers!.goOnAsWorker();
    this.#lock.release();
    await Promise.all([this.#commands.leave(clock), afterwards]);
    this.#handedOver.resolve();
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
    this.#workers = this.#makeWorkers(workersSocketPath, inherited);
    await this.#workers.start(inherited);
    if (inherited) await this.#saveInherited();
    this.#registry.open();
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

  #restore(saved: SavedState | null, inherited: Inheritance | null): void {
    this.#services = new DaemonServices({
      board: this.#shared!.board,
      generation: inherited?.table.generation ?? 0,
      clock: this.#options.clock,
      tellWorkers: (message) => this.#crew.tell(message),
      ownListeners: () => [...this.#sockets, ...(this.#metricsServer ? [this.#metricsServer.address] : [])],
      linkState: (owner) => this.#links.stateOf(owner),
      tellOwner: (owner, message) => this.#links.tell(owner, message),
      onChanged: () => {
        this.#state.changed();
        this.#certificates.servicesChanged();
        this.#trim?.changed();
      },
    });
    this.#services.restore(saved, inherited);
  }

  #makeClient(saved: SavedState | null): ClientCommands {
    const { clock, stateDir } = this.#options;
    return new ClientCommands({
      registry: () => this.#registry,
      statusOf: (entry) => this.#begunServices.statusOf(entry),
      options: saved?.options ?? noOptions,
      clock,
      certificates: this.#certificates.forDeploys,
      files: new FileIntake({
        errorPages: new ErrorPageStore(stateDir),
        ownCertificates: this.#certificates.own,
        errorPagesInUse: () => errorPagesIn(this.#registry.entries),
      }),
      acknowledged: () => this.#crew.acknowledged(this.#begunServices.table.generation),
      save: () => this.#state.save(),
      cut: (service, targetIds) => this.#crew.tell({ type: 'cut', service, targetIds }),
    });
  }

  #makeWorkers(workersSocketPath: string, inherited: Inheritance | null): DaemonWorkers {
    const { rows, table } = this.#begunServices;
    return new DaemonWorkers({
      options: this.#options,
      daemonId: this.#id,
      workersSocketPath,
      crew: this.#crew,
      listener: this.#crewListener(),
      shared: this.#shared!,
      rows,
      sockets: this.#sockets,
      totals: this.#totals,
      table: () => table.current(),
      certificates: () => this.#certificates.current,
      takenCount: inherited ? inherited.orphans.length + inherited.silent.length : 0,
    });
  }

  #crewListener(): CrewListener {
    return {
      onAcknowledged: (column, generation) => this.#services?.rows.acknowledged(column, generation),
      onWake: (service, cause) => this.#registry.wake(service, cause),
      onAnswered: (service, targetId, generation) => this.#registry.answered(service, targetId, generation),
      onReached: (service, targetId) => this.#registry.reached(service, targetId),
      onSlotReleased: (service) => this.#crew.tell({ type: 'slot-released', service }),
      onRefused: (service, targetId, reason) => this.#registry.targetRefused(service, targetId, reason),
      onCertificateWanted: (host) =>
        void this.#certificates
          .demand(host)
          .then(() => this.#crew.tell({ type: 'certificate-answer', host })),
      onCounts: (column, counts) => this.#totals.add(column, counts),
      onRegistered: () => this.#registry.raiseHeld(),
    };
  }

  // ---- the rest

  get #begunServices(): DaemonServices {
    if (!this.#services) throw new Error('the daemon has not begun');
    return this.#services;
  }

  get #registry(): Registry {
    return this.#begunServices.registry;
  }

  #collectState(): SavedState {
    const options = this.#client?.options ?? noOptions;
    return { version: STATE_VERSION, bootId: bootId(), options, services: this.#begunServices.saved };
  }

  #closeSockets(): void {
    for (const socket of this.#sockets) closeListeningSocket(socket);
    this.#sockets = [];
  }

  async #giveUp(): Promise<void> {
    this.#certificates.close();
    this.#workers?.kill();
    this.#services?.registry.close();
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
