/** What people ask of projects. Changes of one project are made one after the other; waiting is not. */
import type { Clock } from '../base/clock.ts';
import { isLumaError, type LumaError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Mailbox } from '../base/mailbox.ts';
import type { Keep } from '../domain/keeping.ts';
import type { Project, ProjectSettings, Wanted } from '../domain/project.ts';
import { allTo, type Revision } from '../domain/revision.ts';
import type { ProxyLink } from '../proxy/client/contract.ts';
import type { Runtime } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import type { DeployOptions, ProjectView, RevisionView, RollbackOptions, WakeResult } from './contract.ts';
import type { DependencyRules } from './dependencies/dependency-rules.ts';
import { refusal, runtimeRefusal } from './errors.ts';
import { newInstanceId } from './instances/instance-id.ts';
import type { Journal } from './journal/journal.ts';
import type { ProjectRegistry } from './project-registry.ts';
import type { Outcome } from './projects/project-effect.ts';
import type { ProjectState } from './projects/project-state.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';
import { desiredPublication } from './projects/publishing.ts';
import { settingsChange } from './projects/settings-change.ts';
import { HOLD_GRACE_MS } from './routes/service-spec.ts';

export interface ProjectCommandsNeeds {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly link: ProxyLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly registry: ProjectRegistry;
  /** Makes the supervisor of a stored project. */
  readonly admit: (project: Project) => ProjectSupervisor;
  /** Sets the life of a new project going. */
  readonly begin: (supervisor: ProjectSupervisor) => void;
  readonly rules: DependencyRules;
  /** Why the project may not sleep although nobody uses it. */
  readonly keepsOf: (name: string) => readonly Keep[];
  /** A project has other settings, or is gone. */
  readonly onSettings: (name: string) => void;
  readonly isClosing: () => boolean;
}

type WakeOutcome = Extract<Outcome, { about: 'wake' }>;

export class ProjectCommands {
  readonly #needs: ProjectCommandsNeeds;
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(needs: ProjectCommandsNeeds) {
    this.#needs = needs;
  }

  find(name: string): ProjectSupervisor {
    const supervisor = this.#needs.registry.get(name);
    if (!supervisor) throw refusal.notFound(name);
    return supervisor;
  }

  create(settings: ProjectSettings): Promise<ProjectView> {
    return this.#inOrderWith(settings, async () => {
      this.#check(settings);
      const now = this.#needs.clock.now();
      const project: Project = {
        settings,
        wanted: 'active',
        revision: 1,
        traffic: allTo(1),
        createdAt: now,
        updatedAt: now,
      };
      await this.#needs.store.insertProject(project);
      const supervisor = this.#needs.admit(project);
      supervisor.chronicle.record('created');
      this.#needs.begin(supervisor);
      const conflict = await supervisor.whenRouted();
      if (conflict) {
        await this.#forget(supervisor);
        throw refusal.hostnameTaken(conflict.message, { hostname: settings.hostnames[0] ?? '' });
      }
      return supervisor.view();
    });
  }

  replace(settings: ProjectSettings, { verify = true }: DeployOptions): Promise<ProjectView> {
    return this.#inOrderWith(settings, async () => {
      const supervisor = this.find(settings.name);
      const { project } = supervisor;
      const { isRevision, isRouting } = settingsChange(project.settings, settings);
      if (!isRevision && !isRouting) return supervisor.view();
      this.#check(settings);
      const revised = isRevision ? await this.#nextRevision(settings.name) : null;
      const moved = revised === null ? {} : { revision: revised, traffic: allTo(revised) };
      const changed: Project = { ...project, ...moved, settings, updatedAt: this.#needs.clock.now() };
      if (isRouting) {
        this.#checkHosts(settings);
        await this.#tryRoutes(supervisor, settings);
      }
      try {
        await this.#needs.store.updateProject(changed);
      } catch (error) {
        // The proxy may have the new routes by now: the old ones are published again.
        supervisor.changeRoutes();
        throw error;
      }
      supervisor.replaceProject(changed);
      this.#needs.onSettings(supervisor.name);
      supervisor.chronicle.record('updated');
      if (isRouting || isRevision) supervisor.changeRoutes();
      if (isRevision) supervisor.deploy(newInstanceId(), verify);
      return supervisor.view();
    });
  }

  async revisions(name: string): Promise<readonly RevisionView[]> {
    const supervisor = this.find(name);
    const revisions = await this.#needs.store.listRevisions(name);
    return revisions.map((revision) => ({ revision, ...supervisor.shareOf(revision.number) }));
  }

  rollback(name: string, { revision: wanted, verify = true }: RollbackOptions): Promise<ProjectView> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      const { project } = supervisor;
      const known = await this.#needs.store.listRevisions(name);
      const isMeant = ({ number }: Revision): boolean =>
        wanted === undefined ? number < project.revision : number === wanted;
      const revision = known.find(isMeant);
      if (!revision) {
        const numbers = known.map(({ number }) => number);
        throw refusal.revisionNotFound(name, wanted ?? null, numbers);
      }
      const { number } = revision;
      if (number === project.revision && !supervisor.state?.switchFailure) return supervisor.view();
      const settings = { ...project.settings, ...revision.settings };
      this.#check(settings);
      const moved = { settings, revision: number, traffic: allTo(number) };
      const changed: Project = { ...project, ...moved, updatedAt: this.#needs.clock.now() };
      await this.#needs.store.updateProject(changed);
      supervisor.replaceProject(changed);
      supervisor.chronicle.record('rolled_back', { text: `revision ${number}` });
      supervisor.deploy(newInstanceId(), verify);
      return supervisor.view();
    });
  }

  delete(name: string): Promise<void> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      this.#needLinked(supervisor);
      await this.#needs.rules.duringDelete(name, async () => {
        // A store that refuses has changed nothing, and nothing is told of it. The event goes with the others, below.
        await this.#needs.store.deleteProject(name);
        supervisor.chronicle.record('deleted');
        await this.#needs.journal.flush();
        await this.#forget(supervisor);
      });
    });
  }

  async wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    const supervisor = this.#findOpen(name);
    const { clock } = this.#needs;
    if (supervisor.project.wanted === 'stopped') throw refusal.stopped(name);
    const state = this.#needLinked(supervisor);
    const current = state.instances.find((entry) => entry.id === state.current);
    const isAnswering = current?.state === 'running' && !current.halt && !state.sleep;
    if (isAnswering) return { view: supervisor.view(), durationMs: 0 };
    const beganMs = clock.monotonic();
    const timeoutMs = supervisor.project.settings.wakeTimeoutMs + HOLD_GRACE_MS;
    const told = supervisor.waiters.wait('wake', { clock, timeoutMs, signal });
    for (const dependency of this.#needs.rules.dependenciesOf(name)) this.#tryAgain(dependency);
    supervisor.send({ kind: 'wake', by: 'person' });
    const outcome = await told;
    this.#throwUnlessAnswered(supervisor, outcome, timeoutMs);
    return { view: supervisor.view(), durationMs: clock.monotonic() - beganMs };
  }

  async sleep(name: string): Promise<ProjectView> {
    const supervisor = this.#findOpen(name);
    if (supervisor.project.wanted === 'stopped') return supervisor.view();
    if (supervisor.bounds.least > 0) throw refusal.keptAwake(name, supervisor.bounds.least);
    this.#needLinked(supervisor);
    this.#quieten(supervisor);
    const keeps = this.#needs.keepsOf(name);
    if (keeps.length > 0) throw refusal.keptFor(name, keeps);
    const told = supervisor.waiters.wait('sleep');
    supervisor.send({ kind: 'sleep-asked' });
    const outcome = await told;
    if (!outcome) throw refusal.shuttingDown();
    const activity = supervisor.state?.activity ?? { inFlight: 0, held: 0, ends: 0 };
    if (outcome.result === 'busy') throw refusal.busy(name, activity);
    if (outcome.result === 'unavailable') throw refusal.proxyUnavailable();
    if (outcome.result === 'failed') throw refusal.sleepFailed(name);
    return supervisor.view();
  }

  async stop(name: string): Promise<ProjectView> {
    const { supervisor, told } = await this.#inOrder(name, async () => {
      const found = this.find(name);
      this.#needLinked(found);
      await this.#want(found, 'stopped');
      const waiting = found.waiters.wait('stop');
      found.send({ kind: 'stop-asked' });
      return { supervisor: found, told: waiting };
    });
    if (!(await told)) throw refusal.shuttingDown();
    return supervisor.view();
  }

  start(name: string): Promise<ProjectView> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      await this.#want(supervisor, 'active');
      supervisor.send({ kind: 'start-asked' });
      // Who starts it asks it next: until then the proxy would still say that it is stopped.
      await supervisor.whenRouted();
      return supervisor.view();
    });
  }

  /** A person has no patience with the back-off of what is needed. */
  #tryAgain(dependency: string): void {
    const supervisor = this.#needs.registry.get(dependency);
    if (supervisor?.state?.backoff) supervisor.send({ kind: 'wake', by: 'person' });
  }

  /** A group sleeps together: whoever of it is quiet has been quiet for long enough. */
  #quieten({ keeping: { group } }: ProjectSupervisor): void {
    if (group === null) return;
    for (const other of this.#needs.registry.all()) {
      if (other.keeping.group === group) other.send({ kind: 'quiet-said' });
    }
  }

  #findOpen(name: string): ProjectSupervisor {
    if (this.#needs.isClosing()) throw refusal.shuttingDown();
    return this.find(name);
  }

  async #want(supervisor: ProjectSupervisor, wanted: Wanted): Promise<void> {
    const { project } = supervisor;
    if (project.wanted === wanted) return;
    const changed = { ...project, wanted, updatedAt: this.#needs.clock.now() };
    await this.#needs.store.updateProject(changed);
    supervisor.replaceProject(changed);
  }

  /** Out of the store first: were Luma killed now, the next start would remove what is left. */
  async #forget(supervisor: ProjectSupervisor): Promise<void> {
    await this.#needs.store.deleteProject(supervisor.name);
    const told = supervisor.waiters.wait('delete');
    supervisor.send({ kind: 'delete-asked' });
    if (!(await told)) throw refusal.shuttingDown();
    supervisor.close();
    this.#needs.registry.remove(supervisor);
    this.#needs.onSettings(supervisor.name);
  }

  /** Numbers only grow, also after a rollback: the newest is always kept. */
  async #nextRevision(name: string): Promise<number> {
    const [newest] = await this.#needs.store.listRevisions(name);
    return (newest?.number ?? 0) + 1;
  }

  /** Our own projects by their names; the proxy would only say which service has it. */
  #checkHosts({ name, hostnames }: ProjectSettings): void {
    for (const other of this.#needs.registry.all()) {
      const taken = other.project.settings.hostnames.find((hostname) => hostnames.includes(hostname));
      if (taken === undefined || other.name === name) continue;
      const message = `the hostname ${taken} belongs to project ${other.name}`;
      throw refusal.hostnameTaken(message, { hostname: taken, owner: other.name });
    }
  }

  /** A host that somebody else has is found out before anything is stored. */
  async #tryRoutes(supervisor: ProjectSupervisor, settings: ProjectSettings): Promise<void> {
    const { state } = supervisor;
    if (!state?.linked) return;
    const spec = supervisor.specOf(state.published ?? desiredPublication(state), settings);
    if (!spec) return;
    try {
      await this.#needs.link.publish(spec);
    } catch (error) {
      if (isLumaError(error, 'host_taken')) throw refusal.hostnameTaken(error.message, error.details);
      this.#needs.log.info('new routes follow when the proxy is back', {
        project: supervisor.name,
        error: messageOf(error),
      });
    }
  }

  #throwUnlessAnswered(supervisor: ProjectSupervisor, outcome: WakeOutcome | null, timeoutMs: number): void {
    const { name } = supervisor;
    if (!outcome) throw supervisor.isClosed ? refusal.shuttingDown() : refusal.wakeTimeout(name, timeoutMs);
    if (outcome.result === 'failed') throw refusal.wakeFailed(name, outcome.failure);
    if (outcome.result === 'stopped') throw refusal.stopped(name);
    if (outcome.result === 'deleted') throw refusal.notFound(name);
    if (outcome.result === 'closing') throw refusal.shuttingDown();
  }

  #needLinked(supervisor: ProjectSupervisor): ProjectState {
    if (!supervisor.state) throw refusal.runtimeUnknown();
    if (!supervisor.state.linked) throw refusal.proxyUnavailable();
    return supervisor.state;
  }

  #check(settings: ProjectSettings): void {
    const refused: LumaError | null = runtimeRefusal(this.#needs.runtime.check(settings));
    if (refused) throw refused;
  }

  /** Those it depends on are there, and stay until the change is made. */
  #inOrderWith<T>(settings: ProjectSettings, task: () => Promise<T>): Promise<T> {
    return this.#inOrder(settings.name, () => this.#needs.rules.during(settings, task));
  }

  async #inOrder<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (this.#needs.isClosing()) throw refusal.shuttingDown();
    const mailbox = this.#mailboxes.get(name) ?? new Mailbox({ name: `project ${name}` });
    this.#mailboxes.set(name, mailbox);
    try {
      return await mailbox.post(task);
    } finally {
      void mailbox.whenIdle().then(() => {
        if (mailbox.isIdle && this.#mailboxes.get(name) === mailbox) this.#mailboxes.delete(name);
      });
    }
  }
}
