/** What people ask of what a project serves: other settings, another revision, another share of its requests. Keeps nothing. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Project, ProjectSettings } from '../../domain/project.ts';
import type { Revision } from '../../domain/revision.ts';
import {
  afterDeploy,
  afterRollback,
  isLedWhole,
  leadOf,
  proved,
  splitTo,
  type TrafficWish,
} from '../../domain/traffic.ts';
import type { ProxyLink } from '../../proxy/client/contract.ts';
import type { Runtime } from '../../runtimes/contract.ts';
import type { Store } from '../../store/contract.ts';
import type {
  DeployOptions,
  ProjectView,
  ReplaceOptions,
  RevisionView,
  RollbackOptions,
} from '../contract.ts';
import { refusal } from '../errors.ts';
import { newInstanceId } from '../instances/instance-id.ts';
import type { LaneKeeper } from '../lanes/lane-keeper.ts';
import {
  severalProblem,
  tagProblems,
  trafficRefusal,
  trafficText,
  wishProblems,
} from '../lanes/traffic-check.ts';
import type { ProjectRegistry } from '../project-registry.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { settingsChange } from '../projects/settings-change.ts';
import { checkHosts, tryRoutes } from '../routes/route-trial.ts';
import type { ProjectQueues } from './project-queues.ts';
import { checkRuntime } from './runtime-check.ts';

export interface DeployCommandsNeeds {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly link: ProxyLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: ProjectRegistry;
  readonly lanes: LaneKeeper;
  readonly queues: ProjectQueues;
  /** A project has other settings. */
  readonly onSettings: (name: string) => void;
}

export class DeployCommands {
  readonly #needs: DeployCommandsNeeds;

  constructor(needs: DeployCommandsNeeds) {
    this.#needs = needs;
  }

  replace(
    settings: ProjectSettings,
    { verify = true, noTraffic = false, tag = null }: ReplaceOptions,
  ): Promise<ProjectView> {
    return this.#needs.queues.inOrderWith(settings, async () => {
      const supervisor = this.#needs.registry.find(settings.name);
      const { project } = supervisor;
      const { isRevision, isRouting } = settingsChange(project.settings, settings);
      if (!isRevision && !isRouting && tag === null) return this.#needs.lanes.view(supervisor);
      checkRuntime(this.#needs.runtime, settings);
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
      return this.#needs.lanes.view(supervisor);
    });
  }

  /** Who gets the requests, whole. */
  splitTraffic(
    name: string,
    wishes: readonly TrafficWish[],
    { verify = true }: DeployOptions,
  ): Promise<ProjectView> {
    return this.#needs.queues.inOrder(name, async () => {
      const supervisor = this.#needs.registry.find(name);
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
      return this.#needs.lanes.view(supervisor);
    });
  }

  /** A revision of the split was seen to answer. */
  prove(name: string, revision: number): Promise<void> {
    return this.#needs.queues.inOrder(name, async () => {
      const supervisor = this.#needs.registry.find(name);
      const { project } = supervisor;
      const isNews = project.traffic.some((share) => share.revision === revision && !share.isProved);
      if (!isNews) return;
      const changed = { ...project, traffic: proved(project.traffic, revision) };
      await this.#needs.store.updateProject(changed);
      supervisor.replaceProject(changed);
    });
  }

  /** Fails with `revision_not_found`. */
  async needRevision(name: string, wanted: number): Promise<void> {
    const numbers = (await this.#needs.store.listRevisions(name)).map(({ number }) => number);
    if (!numbers.includes(wanted)) throw refusal.revisionNotFound(name, wanted, numbers);
  }

  async revisions(name: string): Promise<readonly RevisionView[]> {
    const supervisor = this.#needs.registry.find(name);
    const revisions = await this.#needs.store.listRevisions(name);
    const { traffic } = this.#needs.lanes.view(supervisor);
    return revisions.map((revision) => {
      const shares = traffic.filter((share) => share.revision === revision.number);
      const percent = shares.reduce((sum, share) => sum + share.percent, 0);
      return { revision, percent, tags: shares.flatMap(({ tag }) => tag ?? []) };
    });
  }

  rollback(name: string, { revision: wanted, verify = true }: RollbackOptions): Promise<ProjectView> {
    return this.#needs.queues.inOrder(name, async () => {
      const supervisor = this.#needs.registry.find(name);
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
      if (isAllIts && !supervisor.state?.switchFailure) return this.#needs.lanes.view(supervisor);
      const settings = { ...project.settings, ...revision.settings };
      checkRuntime(this.#needs.runtime, settings);
      const moved = { settings, revision: number, traffic: afterRollback(project.traffic, number) };
      const changed: Project = { ...project, ...moved, updatedAt: this.#needs.clock.now() };
      await this.#needs.store.updateProject(changed);
      supervisor.replaceProject(changed);
      supervisor.chronicle.record('rolled_back', { text: `revision ${number}` });
      supervisor.changeRoutes();
      supervisor.deploy(newInstanceId(), verify);
      await this.#needs.lanes.follow(supervisor);
      return this.#needs.lanes.view(supervisor);
    });
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

  /** Numbers only grow, also after a rollback: the newest is always kept. */
  async #nextRevision(name: string): Promise<number> {
    const [newest] = await this.#needs.store.listRevisions(name);
    return (newest?.number ?? 0) + 1;
  }
}
