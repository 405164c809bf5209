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
import type { TrafficWish } from '../domain/traffic.ts';
import type { ProxyLink, WakeCause } from '../proxy/client/contract.ts';
import type { Runtime } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import { ProjectCommands } from './commands/project-commands.ts';
import type {
  ControlPlaneDoor,
  DeployOptions,
  HealthView,
  LoginOptions,
  LogQuery,
  ProjectLogLine,
  ProjectView,
  RegistryView,
  ReplaceOptions,
  RevisionView,
  RollbackOptions,
  WakeResult,
} from './contract.ts';
import { BondKeeper, type BondSubject } from './dependencies/bond-keeper.ts';
import { DependencyRules, type KnownProject } from './dependencies/dependency-rules.ts';
import { FlappingWatch } from './flapping/flapping-watch.ts';
import { Housekeeping, type HousekeepingNeeds } from './housekeeping.ts';
import { RecordKeeper } from './instances/record-keeper.ts';
import { StartQueue } from './instances/start-queue.ts';
import { Journal } from './journal/journal.ts';
import { LaneKeeper } from './lanes/lane-keeper.ts';
import { LinkListener } from './link-listener.ts';
import { ProjectLogs } from './logs/project-logs.ts';
import { ProjectRegistry } from './project-registry.ts';
import { ProjectSupervisor } from './projects/project-supervisor.ts';
import type { SupervisorNeeds } from './projects/supervisor-needs.ts';
import { Registries } from './registries.ts';
import { ScheduleKeeper } from './schedules/schedule-keeper.ts';
import { stopAll } from './shutdown.ts';

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

export class ControlPlane implements ControlPlaneDoor {
  readonly #options: ControlPlaneOptions;
  readonly #registry = new ProjectRegistry();
  readonly #journal: Journal;
  readonly #housekeeping: Housekeeping;
  readonly #listener: LinkListener;
  readonly #commands: ProjectCommands;
  readonly #lanes: LaneKeeper;
  readonly #supervisorNeeds: SupervisorNeeds;
  readonly #registries: Registries;
  readonly #bonds: BondKeeper;
  readonly #calendar: ScheduleKeeper;
  readonly #records: RecordKeeper;
  /** Monotonic: of all exchanges together, once Luma ends. */
  #drainsEndMs = Number.POSITIVE_INFINITY;
  #isClosing = false;

  constructor(options: ControlPlaneOptions) {
    const { store, runtime, link, clock, log } = options;
    const registry = this.#registry;
    const journal = new Journal(store, clock, log);
    this.#options = options;
    this.#journal = journal;
    this.#registries = new Registries(store, clock, runtime);
    this.#records = new RecordKeeper(store, clock, log);
    const onKnown = (supervisor: ProjectSupervisor): void => this.#listener.join(supervisor);
    this.#lanes = new LaneKeeper({
      store,
      registry,
      log,
      admit: (project, service, isNew) => this.#admit(project, { service, isNew }),
      onSettings: (service) => this.#onSettings(service, true),
      begin: (supervisor) => this.#housekeeping.adoptNew(supervisor),
      onProved: (name, revision) => this.#prove(name, revision),
    });
    const onLeft: HousekeepingNeeds['onLeft'] = (own, service, revisions) =>
      this.#lanes.finish(own, service, revisions);
    this.#housekeeping = new Housekeeping({ store, runtime, clock, log, registry, onKnown, onLeft });
    const onSuspect = (instanceId: string): void => this.#housekeeping.suspect(instanceId);
    const look = (): Promise<void> => this.#housekeeping.look();
    const flapping = this.#watchFlapping(journal);
    const onCause = (name: string, cause: WakeCause): void => flapping.onCause(name, cause);
    const now = (): number => clock.now();
    this.#listener = new LinkListener({ link, registry, log, now, look, onSuspect, onCause });
    this.#calendar = new ScheduleKeeper(clock, {
      onWindow: (name, until) => this.#onWindow(name, until),
      onWakeUp: (name) => this.#onWakeUp(name),
    });
    this.#bonds = new BondKeeper({
      all: () => registry.all().map(bondSubject),
      get: (service) => {
        const supervisor = registry.get(service);
        return supervisor && bondSubject(supervisor);
      },
      openUntil: (name) => this.#calendar.openUntil(name),
    });
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
      drainTimeoutMs: () => Math.max(0, Math.min(DRAIN_TIMEOUT_MS, this.#drainsEndMs - clock.monotonic())),
      onInstance: (service, instanceId, isThere) => registry.place(service, instanceId, isThere),
      keepsOf: (service) => this.#bonds.keepsOf(service),
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
      lanes: this.#lanes,
      admit: (project) => {
        const supervisor = this.#admit(project, { isNew: true });
        this.#lanes.attend(supervisor);
        return supervisor;
      },
      begin: (supervisor) => this.#housekeeping.adoptNew(supervisor),
      rules: new DependencyRules(() => registry.projects().map(knownProject)),
      keepsOf: (name) => this.#bonds.keepsOf(name),
      onSettings: (name) => this.#onSettings(name, true),
      isClosing: () => this.#isClosing,
    });
  }

  /** Loads, adopts what runs, and connects to the proxy. A runtime that does not answer is tried again for ever. */
  async open(): Promise<void> {
    await this.#registries.load();
    for (const project of await this.#options.store.listProjects()) {
      await this.#lanes.load(this.#admit(project, { isNew: false }));
    }
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
    this.#drainsEndMs = this.#options.clock.monotonic() + timeoutMs;
    const supervisors = this.#registry.all();
    if (stopInstances)
      await stopAll(supervisors, { clock: this.#options.clock, log: this.#options.log, timeoutMs });
    this.#calendar.close();
    this.#housekeeping.close();
    this.#listener.close();
    this.#options.link.close();
    for (const supervisor of supervisors) supervisor.close();
    await this.#within(timeoutMs, Promise.all(supervisors.map((supervisor) => supervisor.whenIdle())));
    await this.#within(timeoutMs, Promise.all([this.#records.close(), this.#journal.close()]));
  }

  async listProjects(): Promise<readonly ProjectView[]> {
    return this.#registry.projects().map((supervisor) => this.#lanes.view(supervisor));
  }

  async getProject(name: string): Promise<ProjectView> {
    return this.#lanes.view(this.#registry.find(name));
  }

  createProject(settings: ProjectSettings): Promise<ProjectView> {
    return this.#commands.create(settings);
  }

  replaceProject(settings: ProjectSettings, options: ReplaceOptions = {}): Promise<ProjectView> {
    return this.#commands.deploys.replace(settings, options);
  }

  splitTraffic(
    name: string,
    wishes: readonly TrafficWish[],
    options: DeployOptions = {},
  ): Promise<ProjectView> {
    return this.#commands.deploys.splitTraffic(name, wishes, options);
  }

  revisions(name: string): Promise<readonly RevisionView[]> {
    return this.#commands.deploys.revisions(name);
  }

  rollback(name: string, options: RollbackOptions): Promise<ProjectView> {
    return this.#commands.deploys.rollback(name, options);
  }

  deleteProject(name: string): Promise<void> {
    return this.#commands.delete(name);
  }

  wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    return this.#commands.life.wake(name, signal);
  }

  sleep(name: string): Promise<ProjectView> {
    return this.#commands.life.sleep(name);
  }

  stop(name: string): Promise<ProjectView> {
    return this.#commands.life.stop(name);
  }

  start(name: string): Promise<ProjectView> {
    return this.#commands.life.start(name);
  }

  async logs(name: string, query: LogQuery): Promise<AsyncIterable<ProjectLogLine>> {
    const own = this.#registry.find(name);
    if (query.revision !== undefined) await this.#commands.deploys.needRevision(name, query.revision);
    const services = (): ProjectSupervisor[] => [own, ...this.#lanes.of(name).map((lane) => lane.supervisor)];
    const onServices = (listener: () => void): (() => void) => this.#registry.onServices(listener);
    return new ProjectLogs({ own, services, onServices }, this.#options.runtime, query).lines();
  }

  async events(name: string, query: { limit?: number; afterId?: number }): Promise<readonly ProjectEvent[]> {
    this.#registry.find(name);
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

  putRegistry(
    host: string,
    credentials: RegistryCredentials,
    options: LoginOptions = {},
  ): Promise<RegistryView> {
    return this.#registries.put(host, credentials, options);
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
      projects: this.#registry.projects().length,
    };
  }

  #watchFlapping(journal: Journal): FlappingWatch {
    const registry = this.#registry;
    const watch = new FlappingWatch({
      onFlapping: (name, text, details) =>
        registry.get(name)?.chronicle.record('flapping', { text, details }),
      idleTimeoutMs: (name) => registry.get(name)?.project.settings.idleTimeoutMs ?? null,
    });
    journal.listen(null, (event) => watch.onEvent(event));
    return watch;
  }

  /** Were it lost, the revision would be tried once more after the next start. */
  #prove(name: string, revision: number): void {
    this.#commands.deploys.prove(name, revision).catch((error: unknown) => {
      this.#options.log.warn('that a revision answers could not be stored', {
        project: name,
        revision,
        error: messageOf(error),
      });
    });
  }

  #admit(
    project: Project,
    { service, isNew }: { readonly service?: string; readonly isNew: boolean },
  ): ProjectSupervisor {
    const supervisor = new ProjectSupervisor(this.#supervisorNeeds, project, service);
    this.#registry.add(supervisor);
    supervisor.onChange(() => this.#bonds.onChange(supervisor.service));
    // Of those that are loaded nothing is known yet: they are met when they are.
    if (isNew) this.#onSettings(supervisor.service, true);
    else this.#calendar.follow(supervisor.service, supervisor.keeping.schedules, false);
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

/** By its service: each lane of a project needs what the project needs. */
function bondSubject(supervisor: ProjectSupervisor): BondSubject {
  const { service, keeping, updatedAt, state } = supervisor;
  return { name: service, keeping, updatedAt, state, send: (input) => supervisor.send(input) };
}
