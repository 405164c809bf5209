/** What people ask of projects. Changes of one project are made one after the other; waiting is not. */
import type { Clock } from '../base/clock.ts';
import type { LumaError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Mailbox } from '../base/mailbox.ts';
import type { Keep } from '../domain/keeping.ts';
import type { Project, ProjectSettings, Wanted } from '../domain/project.ts';
import { allTo, type Revision } from '../domain/revision.ts';
import {
  afterDeploy,
  afterRollback,
  isLedWhole,
  leadOf,
  proved,
  splitTo,
  type TrafficWish,
} from '../domain/traffic.ts';
import type { ProxyLink } from '../proxy/client/contract.ts';
import type { Runtime } from '../runtimes/contract.ts';
import type { Store } from '../store/contract.ts';
import type {
  DeployOptions,
  ProjectView,
  ReplaceOptions,
  RevisionView,
  RollbackOptions,
  WakeResult,
} from './contract.ts';
import type { DependencyRules } from './dependencies/dependency-rules.ts';
import { refusal, runtimeRefusal } from './errors.ts';
import { newInstanceId } from './instances/instance-id.ts';
import type { Journal } from './journal/journal.ts';
import type { LaneKeeper } from './lanes/lane-keeper.ts';
import {
  severalProblem,
  tagProblems,
  trafficRefusal,
  trafficText,
  wishProblems,
} from './lanes/traffic-check.ts';
import { wholeView } from './lanes/traffic-view.ts';
import type { ProjectRegistry } from './project-registry.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';
import { settingsChange } from './projects/settings-change.ts';
import { checkHosts, tryRoutes } from './routes/route-trial.ts';
import { needLinked, sleepService, wakeService } from './wake/service-commands.ts';

export interface ProjectCommandsNeeds {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly link: ProxyLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly registry: ProjectRegistry;
  readonly lanes: LaneKeeper;
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

export class ProjectCommands {
  readonly #needs: ProjectCommandsNeeds;
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(needs: ProjectCommandsNeeds) {
    this.#needs = needs;
  }

  find(name: string): ProjectSupervisor {
    const supervisor = this.#needs.registry.project(name);
    if (!supervisor) throw refusal.notFound(name);
    return supervisor;
  }

  /** The project with its lanes. */
  view(supervisor: ProjectSupervisor): ProjectView {
    const { lanes } = this.#needs;
    return wholeView(supervisor, lanes.of(supervisor.name), lanes.failureOf(supervisor.name));
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
      return this.view(supervisor);
    });
  }

  replace(
    settings: ProjectSettings,
    { verify = true, noTraffic = false, tag = null }: ReplaceOptions,
  ): Promise<ProjectView> {
    return this.#inOrderWith(settings, async () => {
      const supervisor = this.find(settings.name);
      const { project } = supervisor;
      const { isRevision, isRouting } = settingsChange(project.settings, settings);
      if (!isRevision && !isRouting && tag === null) return this.view(supervisor);
      this.#check(settings);
      const revision = isRevision ? await this.#nextRevision(settings.name) : project.revision;
      const traffic =
        isRevision || tag !== null
          ? afterDeploy(project.traffic, revision, {
              isSilent: noTraffic && isRevision,
              tag,
              verifies: verify,
            })
          : project.traffic;
      const changed: Project = {
        ...project,
        ...{ revision, traffic, settings },
        updatedAt: this.#needs.clock.now(),
      };
      if (tag !== null) this.#checkTag(tag, changed);
      await this.#change(supervisor, changed, isRouting || tag !== null);
      this.#needs.onSettings(supervisor.name);
      supervisor.chronicle.record('updated');
      await this.#serve(supervisor, project, { revision: isRevision ? revision : null, verifies: verify });
      return this.view(supervisor);
    });
  }

  /** Who gets the requests, whole. */
  splitTraffic(
    name: string,
    wishes: readonly TrafficWish[],
    { verify = true }: DeployOptions,
  ): Promise<ProjectView> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      const { project } = supervisor;
      const known = await this.#needs.store.listRevisions(name);
      const numbers = known.map(({ number }) => number);
      const problems = wishProblems(wishes, project.settings.hostnames, numbers);
      if (problems.length > 0) throw trafficRefusal(problems);
      const traffic = splitTo(wishes, project.traffic, { latest: project.revision, verifies: verify });
      const changed: Project = { ...project, traffic, updatedAt: this.#needs.clock.now() };
      const lead = leadOf(traffic);
      for (const { number, settings } of known) {
        const runsBeside = number === lead ? false : traffic.some(({ revision }) => revision === number);
        if (runsBeside && !this.#needs.runtime.canRunSeveral(settings))
          throw trafficRefusal([severalProblem('traffic')]);
      }
      await this.#change(supervisor, changed, true);
      supervisor.chronicle.record('traffic_changed', { text: trafficText(traffic) });
      const leading = known.find(({ number }) => number === lead);
      if (leading) supervisor.learnRevision(leading.number, leading.settings);
      await this.#serve(supervisor, project, { revision: null, verifies: verify });
      return this.view(supervisor);
    });
  }

  /** A revision of the split was seen to answer. */
  prove(name: string, revision: number): Promise<void> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      const { project } = supervisor;
      const isNews = project.traffic.some((share) => share.revision === revision && !share.isProved);
      if (!isNews) return;
      const changed = { ...project, traffic: proved(project.traffic, revision) };
      await this.#needs.store.updateProject(changed);
      supervisor.replaceProject(changed);
    });
  }

  async revisions(name: string): Promise<readonly RevisionView[]> {
    const supervisor = this.find(name);
    const revisions = await this.#needs.store.listRevisions(name);
    const { traffic } = this.view(supervisor);
    return revisions.map((revision) => {
      const shares = traffic.filter((share) => share.revision === revision.number);
      const percent = shares.reduce((sum, share) => sum + share.percent, 0);
      return { revision, percent, tags: shares.flatMap(({ tag }) => tag ?? []) };
    });
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
      const isAllIts = number === project.revision && isLedWhole(project.traffic, number);
      if (isAllIts && !supervisor.state?.switchFailure) return this.view(supervisor);
      const settings = { ...project.settings, ...revision.settings };
      this.#check(settings);
      const moved = { settings, revision: number, traffic: afterRollback(project.traffic, number) };
      const changed: Project = { ...project, ...moved, updatedAt: this.#needs.clock.now() };
      await this.#needs.store.updateProject(changed);
      supervisor.replaceProject(changed);
      supervisor.chronicle.record('rolled_back', { text: `revision ${number}` });
      supervisor.changeRoutes();
      supervisor.deploy(newInstanceId(), verify);
      await this.#needs.lanes.follow(supervisor);
      return this.view(supervisor);
    });
  }

  delete(name: string): Promise<void> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      needLinked(supervisor);
      await this.#needs.rules.duringDelete(name, async () => {
        // A store that refuses has changed nothing, and nothing is told of it. The event goes with the others, below.
        await this.#needs.store.deleteProject(name);
        supervisor.chronicle.record('deleted');
        await this.#needs.journal.flush();
        await this.#forget(supervisor);
      });
    });
  }

  /** Every revision that is to get requests: each serves its share of them. */
  async wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    const supervisor = this.#findOpen(name);
    const lanes = this.#needs.lanes.of(name).filter(({ wish }) => wish.percent > 0);
    const all = [supervisor, ...lanes.map((lane) => lane.supervisor)];
    for (const dependency of this.#needs.rules.dependenciesOf(name)) this.#tryAgain(dependency);
    const durationsMs = await Promise.all(all.map((each) => wakeService(each, this.#needs.clock, signal)));
    return { view: this.view(supervisor), durationMs: Math.max(...durationsMs) };
  }

  async sleep(name: string): Promise<ProjectView> {
    const supervisor = this.#findOpen(name);
    if (supervisor.project.wanted === 'stopped') return this.view(supervisor);
    if (supervisor.bounds.least > 0) throw refusal.keptAwake(name, supervisor.bounds.least);
    needLinked(supervisor);
    this.#quieten(supervisor);
    const whole = this.#whole(supervisor);
    const keeps = whole.flatMap(({ service }) => this.#needs.keepsOf(service));
    if (keeps.length > 0) throw refusal.keptFor(name, keeps);
    await Promise.all(whole.map((each) => sleepService(each)));
    return this.view(supervisor);
  }

  async stop(name: string): Promise<ProjectView> {
    const { supervisor, told } = await this.#inOrder(name, async () => {
      const found = this.find(name);
      needLinked(found);
      await this.#want(found, 'stopped');
      const waiting = this.#whole(found).map((each) => {
        const stopped = each.waiters.wait('stop');
        each.send({ kind: 'stop-asked' });
        return stopped;
      });
      return { supervisor: found, told: Promise.all(waiting) };
    });
    if (!(await told).every((outcome) => outcome !== null)) throw refusal.shuttingDown();
    return this.view(supervisor);
  }

  start(name: string): Promise<ProjectView> {
    return this.#inOrder(name, async () => {
      const supervisor = this.find(name);
      await this.#want(supervisor, 'active');
      const whole = this.#whole(supervisor);
      for (const each of whole) each.send({ kind: 'start-asked' });
      // Who starts it asks it next: until then the proxy would still say that it is stopped.
      await Promise.all(whole.map((each) => each.whenRouted()));
      return this.view(supervisor);
    });
  }

  /** The project's own service, and those of its lanes that are to stay. */
  #whole(supervisor: ProjectSupervisor): readonly ProjectSupervisor[] {
    const lanes = this.#needs.lanes.of(supervisor.name).filter(({ purpose }) => purpose !== 'leaves');
    return [supervisor, ...lanes.map((lane) => lane.supervisor)];
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
    await this.#needs.lanes.follow(supervisor);
  }

  /** Tried at the proxy where it is to be routed in another way, stored, and the supervisor's. */
  async #change(supervisor: ProjectSupervisor, changed: Project, isRouting: boolean): Promise<void> {
    if (isRouting) {
      checkHosts(changed, this.#needs.registry);
      await tryRoutes(supervisor, changed, this.#needs);
    }
    try {
      await this.#needs.store.updateProject(changed);
    } catch (error) {
      // The proxy may have the new routes by now: the old ones are published again.
      supervisor.changeRoutes();
      throw error;
    }
    supervisor.replaceProject(changed);
  }

  /** What was changed comes into force; `revision`: one that is new. */
  async #serve(
    supervisor: ProjectSupervisor,
    before: Project,
    { revision, verifies }: { readonly revision: number | null; readonly verifies: boolean },
  ): Promise<void> {
    // With the hosts and the cookie that were tried: they must not come and go.
    if (!supervisor.divide(this.#needs.lanes.splitOf(supervisor))) supervisor.changeRoutes();
    if (leadOf(before.traffic) !== supervisor.lead) supervisor.deploy(newInstanceId(), verifies);
    await this.#needs.lanes.follow(supervisor, revision === null ? null : { revision, verifies });
    // Who changed it asks next for what is new.
    await supervisor.whenRouted();
  }

  #checkTag(tag: string, { settings, traffic }: Project): void {
    const problems = tagProblems('tag', tag, settings.hostnames);
    const isBeside = traffic.some((share) => share.tag === tag && share.revision !== leadOf(traffic));
    const cannotRun = isBeside && !this.#needs.runtime.canRunSeveral(settings);
    const all = cannotRun ? [...problems, severalProblem('tag')] : problems;
    if (all.length > 0) throw trafficRefusal(all);
  }

  /** Out of the store first: were Luma killed now, the next start would remove what is left. */
  async #forget(supervisor: ProjectSupervisor): Promise<void> {
    await this.#needs.store.deleteProject(supervisor.name);
    await this.#needs.lanes.removeAll(supervisor);
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
