/**
 * The control plane: joins the store, the runtime and the proxy to one whole that people can ask.
 * It owns the registry of projects; each project's state belongs to its supervisor.
 */
import { availableParallelism } from 'node:os';
import { type Clock, delay } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Project, ProjectSettings } from '../domain/project.ts';
import type { ProjectEvent } from '../domain/project-event.ts';
import type { RegistryCredentials } from '../domain/registry.ts';
import type { ProxyLink } from '../proxy/client/contract.ts';
import type { LogLine, Runtime } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import type {
  ControlPlaneDoor,
  DeployOptions,
  HealthView,
  LogQuery,
  ProjectView,
  RegistryView,
  RevisionView,
  RollbackOptions,
  WakeResult,
} from './contract.ts';
import { BondKeeper } from './dependencies/bond-keeper.ts';
import { DependencyRules, type KnownProject } from './dependencies/dependency-rules.ts';
import { FlappingWatch } from './flapping/flapping-watch.ts';
import { Housekeeping } from './housekeeping.ts';
import { RecordKeeper } from './instances/record-keeper.ts';
import { StartQueue } from './instances/start-queue.ts';
import { Journal } from './journal/journal.ts';
import { LinkListener } from './link-listener.ts';
import { ProjectCommands } from './project-commands.ts';
import { projectLogs } from './project-logs.ts';
import { ProjectRegistry } from './project-registry.ts';
import { ProjectSupervisor } from './projects/project-supervisor.ts';
import type { SupervisorNeeds } from './projects/supervisor-needs.ts';
import { Registries } from './registries.ts';
import { ScheduleKeeper } from './schedules/schedule-keeper.ts';

export interface ControlPlaneOptions {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Not yet open. */
  readonly link: ProxyLink;
  readonly clock: Clock;
  readonly log: Log;
  /** Luma's own, for `health`. */
  readonly version: string;
  /** So many starts at once; default: the cores of this machine. */
  readonly cores?: number;
}

export interface CloseOptions {
  /** `luma up` takes its instances with it, `luma server` leaves them running. */
  readonly stopInstances: boolean;
  /** How long exchanges may take to end, and calls to return. */
  readonly timeoutMs: number;
}

const PREPARES_MAX = 8;
const DRAIN_TIMEOUT_MS = 30_000;
/** Beyond the drain: for stops that take their whole grace period. */
const CLOSE_GRACE_MS = 15_000;

export class ControlPlane implements ControlPlaneDoor {
  readonly #options: ControlPlaneOptions;
  readonly #registry = new ProjectRegistry();
  readonly #journal: Journal;
  readonly #housekeeping: Housekeeping;
  readonly #listener: LinkListener;
  readonly #commands: ProjectCommands;
  readonly #supervisorNeeds: SupervisorNeeds;
  readonly #registries: Registries;
  readonly #bonds: BondKeeper;
  readonly #calendar: ScheduleKeeper;
  readonly #records: RecordKeeper;
  #drainTimeoutMs = DRAIN_TIMEOUT_MS;
  #isClosing = false;

  constructor(options: ControlPlaneOptions) {
    const { store, runtime, link, clock, log } = options;
    const registry = this.#registry;
    const journal = new Journal(store, clock, log);
    this.#options = options;
    this.#journal = journal;
    this.#registries = new Registries(store, clock);
    this.#records = new RecordKeeper(store, clock, log);
    const onKnown = (supervisor: ProjectSupervisor): void => this.#listener.join(supervisor);
    this.#housekeeping = new Housekeeping({ store, runtime, clock, log, registry, onKnown });
    const onSuspect = (instanceId: string): void => this.#housekeeping.suspect(instanceId);
    const look = (): Promise<void> => this.#housekeeping.look();
    this.#listener = new LinkListener({ link, registry, log, now: () => clock.now(), look, onSuspect });
    this.#calendar = new ScheduleKeeper(clock, {
      onWindow: (name, until) => this.#onWindow(name, until),
      onWakeUp: (name) => this.#onWakeUp(name),
    });
    this.#bonds = new BondKeeper({
      all: () => registry.all(),
      get: (name) => registry.get(name),
      openUntil: (name) => this.#calendar.openUntil(name),
    });
    const flapping = new FlappingWatch({
      onFlapping: (name, text, details) =>
        registry.get(name)?.chronicle.record('flapping', { text, details }),
      idleTimeoutMs: (name) => registry.get(name)?.project.settings.idleTimeoutMs ?? null,
    });
    journal.listen(null, (event) => flapping.onEvent(event));
    this.#supervisorNeeds = {
      store,
      records: this.#records,
      runtime,
      link,
      clock,
      log,
      journal,
      starts: new StartQueue(options.cores ?? availableParallelism()),
      prepares: new StartQueue(PREPARES_MAX),
      drainTimeoutMs: () => this.#drainTimeoutMs,
      onInstance: (project, instanceId, isThere) => registry.place(project, instanceId, isThere),
      keepsOf: (name) => this.#bonds.keepsOf(name),
      onSuspect,
      credentialsFor: this.#registries.credentialsFor,
    };
    this.#commands = new ProjectCommands({
      store,
      runtime,
      link,
      clock,
      log,
      journal,
      registry,
      admit: (project) => this.#admit(project, true),
      begin: (supervisor) => this.#housekeeping.adoptNew(supervisor),
      rules: new DependencyRules(() => registry.all().map(knownProject)),
      keepsOf: (name) => this.#bonds.keepsOf(name),
      onSettings: (name) => this.#onSettings(name, true),
      isClosing: () => this.#isClosing,
    });
  }

  /** Loads, adopts what runs, and connects to the proxy. A runtime that does not answer is tried again for ever. */
  async open(): Promise<void> {
    await this.#registries.load();
    for (const project of await this.#options.store.listProjects()) this.#admit(project, false);
    await this.#housekeeping.start();
    this.#calendar.open();
    this.#options.link.open(this.#listener);
  }

  /** Resolves when the proxy routes what we want for the first time. */
  whenReady(): Promise<void> {
    return this.#listener.whenReady();
  }

  /** The store, the runtime and the clock stay open: they belong to whoever made them. */
  async close({ stopInstances, timeoutMs }: CloseOptions): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#drainTimeoutMs = Math.min(DRAIN_TIMEOUT_MS, timeoutMs);
    const supervisors = this.#registry.all();
    if (stopInstances) await this.#stopAll(supervisors, timeoutMs + CLOSE_GRACE_MS);
    this.#calendar.close();
    this.#housekeeping.close();
    this.#listener.close();
    this.#options.link.close();
    for (const supervisor of supervisors) supervisor.close();
    await this.#within(timeoutMs, Promise.all(supervisors.map((supervisor) => supervisor.whenIdle())));
    await this.#within(timeoutMs, Promise.all([this.#records.close(), this.#journal.close()]));
  }

  async listProjects(): Promise<readonly ProjectView[]> {
    return this.#registry.all().map((supervisor) => supervisor.view());
  }

  async getProject(name: string): Promise<ProjectView> {
    return this.#commands.find(name).view();
  }

  createProject(settings: ProjectSettings): Promise<ProjectView> {
    return this.#commands.create(settings);
  }

  replaceProject(settings: ProjectSettings, options: DeployOptions = {}): Promise<ProjectView> {
    return this.#commands.replace(settings, options);
  }

  revisions(name: string): Promise<readonly RevisionView[]> {
    return this.#commands.revisions(name);
  }

  rollback(name: string, options: RollbackOptions): Promise<ProjectView> {
    return this.#commands.rollback(name, options);
  }

  deleteProject(name: string): Promise<void> {
    return this.#commands.delete(name);
  }

  wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    return this.#commands.wake(name, signal);
  }

  sleep(name: string): Promise<ProjectView> {
    return this.#commands.sleep(name);
  }

  stop(name: string): Promise<ProjectView> {
    return this.#commands.stop(name);
  }

  start(name: string): Promise<ProjectView> {
    return this.#commands.start(name);
  }

  logs(name: string, query: LogQuery): AsyncIterable<LogLine> {
    return projectLogs(this.#commands.find(name), this.#options.runtime, query);
  }

  async events(name: string, query: { limit?: number; afterId?: number }): Promise<readonly ProjectEvent[]> {
    this.#commands.find(name);
    await this.#journal.flush();
    return this.#options.store.listEvents(name, query);
  }

  onEvent(name: string | null, listener: (event: ProjectEvent) => void): () => void {
    return this.#journal.listen(name, listener);
  }

  async listRegistries(): Promise<readonly RegistryView[]> {
    return this.#registries.list();
  }

  async getRegistry(host: string): Promise<RegistryView> {
    return this.#registries.get(host);
  }

  putRegistry(host: string, credentials: RegistryCredentials): Promise<RegistryView> {
    return this.#registries.put(host, credentials);
  }

  removeRegistry(host: string): Promise<void> {
    return this.#registries.remove(host);
  }

  async rotateKey(): Promise<string> {
    const keyId = await this.#options.store.rotateKey();
    this.#options.log.info('every secret is encrypted with a new key', { key: keyId });
    return keyId;
  }

  async health(): Promise<HealthView> {
    const { runtime, version, log } = this.#options;
    const described = await runtime.describe().catch((error: unknown) => {
      log.debug('the runtime does not answer', { error: messageOf(error) });
      return null;
    });
    const isConnected = this.#listener.isReady;
    const isStoreBehind = this.#records.isBehind || this.#journal.isBehind;
    return {
      status: described && isConnected && !isStoreBehind ? 'ok' : 'degraded',
      version,
      proxy: isConnected ? 'connected' : 'disconnected',
      store: isStoreBehind ? 'behind' : 'ok',
      runtime: {
        kind: runtime.kind,
        name: described?.name ?? runtime.kind,
        version: described?.version ?? '',
        available: described !== null,
      },
      projects: this.#registry.size,
    };
  }

  #admit(project: Project, isNew: boolean): ProjectSupervisor {
    const supervisor = new ProjectSupervisor(this.#supervisorNeeds, project);
    this.#registry.add(supervisor);
    supervisor.onChange(() => this.#bonds.onChange(supervisor.name));
    // Of those that are loaded nothing is known yet: they are met when they are.
    if (isNew) this.#onSettings(supervisor.name, true);
    else this.#calendar.follow(supervisor.name, supervisor.keeping.schedules, false);
    return supervisor;
  }

  /** It came, went, or has other settings. */
  #onSettings(name: string, isNew: boolean): void {
    const supervisor = this.#registry.get(name);
    if (supervisor) this.#calendar.follow(name, supervisor.keeping.schedules, isNew);
    else this.#calendar.forget(name);
    this.#bonds.onSettings(name);
  }

  #onWindow(name: string, until: number | null): void {
    const supervisor = this.#registry.get(name);
    if (until === null) supervisor?.chronicle.record('window_closed');
    else {
      const text = new Date(until).toISOString();
      supervisor?.chronicle.record('window_opened', { text, details: { until: text } });
    }
    this.#bonds.onChange(name);
  }

  #onWakeUp(name: string): boolean {
    const supervisor = this.#registry.get(name);
    if (!supervisor?.isKnown) return false;
    supervisor.send({ kind: 'wake', by: 'schedule' });
    return true;
  }

  async #stopAll(supervisors: readonly ProjectSupervisor[], timeoutMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const stops = supervisors.map(async (supervisor) => {
      if (!supervisor.isKnown) return;
      const told = supervisor.waiters.wait('shutdown', { clock, timeoutMs });
      supervisor.send({ kind: 'shutdown' });
      if (!(await told)) log.warn('an instance was left running', { project: supervisor.name });
    });
    await Promise.all(stops);
  }

  /** Waits for the work, but not longer than that. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
    const settled = new AbortController();
    const patience = delay(this.#options.clock, timeoutMs, settled.signal).catch(() => undefined);
    await Promise.race([work, patience]);
    settled.abort();
  }
}

function knownProject({ name, keeping }: ProjectSupervisor): KnownProject {
  return { name, dependsOn: keeping.dependsOn.map(({ project }) => project) };
}
