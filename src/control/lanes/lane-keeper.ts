/**
 * The lanes of all projects: one for each revision that gets requests, or has a host, beside the one that leads. It makes
 * them, tells each project's own service what goes to them, and lets them go. Owns what is known of a lane; a lane's
 * life is its supervisor's.
 */
import type { Log } from '../../base/log.ts';
import type { Project } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import { type Revision, revisionSettingsOf } from '../../domain/revision.ts';
import { type LaneWish, lanesOf, leadOf, tagHosts, tagsOf } from '../../domain/traffic.ts';
import type { LaneSplit } from '../../proxy/client/contract.ts';
import type { Store } from '../../store/contract.ts';
import type { ProjectView } from '../contract.ts';
import type { ProjectRegistry } from '../project-registry.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { TRAFFIC_COOKIE } from '../routes/service-spec.ts';
import { hasAnswered, isPrepared, type Lane, percentNow } from './lane.ts';
import { laneProject, laneService, revisionOfLane } from './lane-project.ts';
import { wholeView } from './traffic-view.ts';

export interface LaneKeeperNeeds {
  readonly store: Store;
  readonly registry: ProjectRegistry;
  readonly log: Log;
  /** Makes the supervisor of a lane. */
  readonly admit: (project: Project, service: string, isNew: boolean) => ProjectSupervisor;
  /** Sets the life of a new lane going. */
  readonly begin: (supervisor: ProjectSupervisor) => void;
  /** A lane has other settings, or is gone. */
  readonly onSettings: (service: string) => void;
  /** A revision was seen to answer: to be stored. */
  readonly onProved: (project: string, revision: number) => void;
}

/** A revision that was deployed now, and is to be seen. */
export interface Trial {
  readonly revision: number;
  /** False: it is prepared, and nothing more. */
  readonly verifies: boolean;
}

export class LaneKeeper {
  readonly #needs: LaneKeeperNeeds;
  readonly #lanes = new Map<string, Map<number, Lane>>();
  /** Why a revision that was to be seen did not start, by project; forgotten once something new is wanted. */
  readonly #failures = new Map<string, StartFailure>();

  constructor(needs: LaneKeeperNeeds) {
    this.#needs = needs;
  }

  of(project: string): readonly Lane[] {
    return [...(this.#lanes.get(project)?.values() ?? [])];
  }

  /** As `follow`, for a project that was found: its lanes are adopted with all else. */
  load(own: ProjectSupervisor): Promise<void> {
    this.attend(own);
    return this.#follow(own, { isFound: true, trial: null });
  }

  /** The project with its lanes, as people see it. */
  view(own: ProjectSupervisor): ProjectView {
    return wholeView(own, this.of(own.name), this.#failures.get(own.name) ?? null);
  }

  /** A project that is new has no lanes; it may get some. */
  attend(own: ProjectSupervisor): void {
    own.onChange(() => {
      if (this.#lanes.has(own.name)) this.#review(own);
    });
  }

  /** The project's traffic, or what it is routed by, is another now. */
  follow(own: ProjectSupervisor, trial: Trial | null = null): Promise<void> {
    return this.#follow(own, { isFound: false, trial });
  }

  /** A lane of before that was on its way out when Luma ended: its end is awaited. */
  finish(own: ProjectSupervisor, service: string, revisions: readonly Revision[]): void {
    const number = revisionOfLane(own.name, service);
    if (number === null) return;
    const kept = revisions.find((each) => each.number === number);
    // Of one that is not kept any more only the stop is left.
    const revision = kept ?? {
      ...{ project: own.name, number, pinnedImage: null, createdAt: own.project.createdAt },
      settings: revisionSettingsOf(own.project.settings),
    };
    const wish = { revision: revision.number, percent: 0, tags: [], isProved: true };
    const supervisor = this.#needs.admit(laneProject(own.project, revision, wish), service, false);
    const lane: Lane = { supervisor, revision, wish, purpose: 'leaves', trial: 'none' };
    this.#place(own, lane);
    // It is known when everything else has been adopted.
    const stop = supervisor.onChange(() => {
      stop();
      void this.#remove(own, lane);
    });
  }

  /** The project goes with all of it. Resolves when no lane is left, or the control plane closes. */
  async removeAll(own: ProjectSupervisor): Promise<void> {
    this.#failures.delete(own.name);
    const lanes = this.of(own.name);
    for (const lane of lanes) lane.purpose = 'leaves';
    await Promise.all(lanes.map((lane) => this.#remove(own, lane)));
  }

  /** The whole of what the project's own service is told of lanes. */
  splitOf(own: ProjectSupervisor, project = own.project): LaneSplit {
    const { settings, traffic } = project;
    const lanes = this.of(settings.name).filter(
      (lane) => lane.purpose !== 'leaves' && lane.purpose !== 'tries',
    );
    const elsewhere = new Set(lanes.map(({ revision }) => revision.number));
    const hostsOf = (revision: number): readonly string[] =>
      tagsOf(traffic, revision).flatMap((tag) => tagHosts(tag, settings.hostnames));
    const revisions = [...new Set(traffic.map(({ revision }) => revision))];
    return {
      lanes: lanes
        .map((lane) => ({
          service: lane.supervisor.service,
          percent: percentNow(lane),
          hosts: hostsOf(lane.revision.number),
        }))
        .filter(({ percent, hosts }) => percent > 0 || hosts.length > 0),
      stickyCookie: settings.stickyTraffic ? TRAFFIC_COOKIE : null,
      // Whose lane is not there yet, or not any more, is served by who leads.
      ownHosts: revisions.filter((revision) => !elsewhere.has(revision)).flatMap(hostsOf),
    };
  }

  async #follow(own: ProjectSupervisor, how: { isFound: boolean; trial: Trial | null }): Promise<void> {
    const wishes = wishesOf(own.project, how.trial);
    this.#failures.delete(own.name);
    for (const wish of wishes) {
      const known = this.#find(own.name, wish.revision);
      if (known) this.#rewish(own, known, wish, how.trial);
      else await this.#make(own, wish, how);
    }
    for (const lane of this.of(own.name)) {
      if (wishes.some(({ revision }) => revision === lane.revision.number)) continue;
      if (lane.purpose === 'leaves') continue;
      const leads = leadOf(own.project.traffic) === lane.revision.number;
      lane.purpose = leads ? 'hands-over' : 'leaves';
      if (!leads) void this.#leave(own, lane);
    }
    this.#review(own);
  }

  async #make(
    own: ProjectSupervisor,
    wish: LaneWish,
    { isFound, trial }: { isFound: boolean; trial: Trial | null },
  ): Promise<void> {
    const { store, log, admit, begin } = this.#needs;
    const revision = await store.getRevision(own.name, wish.revision);
    if (!revision) {
      log.error('a revision with traffic is not in the store', {
        project: own.name,
        revision: wish.revision,
      });
      return;
    }
    const project = laneProject(own.project, revision, wish);
    const supervisor = admit(project, laneService(own.name, wish.revision), !isFound);
    const lane: Lane = { supervisor, revision, wish, purpose: 'serves', trial: 'none' };
    setPurpose(lane, own.project, trial);
    this.#place(own, lane);
    supervisor.onChange(() => this.#review(own));
    if (!isFound) begin(supervisor);
  }

  #rewish(own: ProjectSupervisor, lane: Lane, wish: LaneWish, trial: Trial | null): void {
    // One that leaves is made anew when it is gone.
    if (lane.purpose === 'leaves') return;
    lane.wish = wish;
    setPurpose(lane, own.project, trial);
    const { supervisor } = lane;
    const before = supervisor.project;
    supervisor.replaceProject(laneProject(own.project, lane.revision, wish));
    if (JSON.stringify(before.settings) === JSON.stringify(supervisor.project.settings)) return;
    this.#needs.onSettings(supervisor.service);
    supervisor.changeRoutes();
  }

  /** After every change of the project's own service and of its lanes. */
  #review(own: ProjectSupervisor): void {
    for (const lane of this.of(own.name)) {
      if (lane.purpose === 'leaves') continue;
      this.#pursueTrial(own, lane);
      if (this.#isOver(own, lane)) {
        lane.purpose = 'leaves';
        void this.#leave(own, lane);
      }
    }
    if (own.state?.wanted !== 'deleted') own.divide(this.splitOf(own));
  }

  #pursueTrial(own: ProjectSupervisor, lane: Lane): void {
    const { supervisor } = lane;
    const { state } = supervisor;
    if (!state) return;
    if (hasAnswered(lane)) {
      lane.trial = 'none';
      if (!lane.wish.isProved) {
        lane.wish = { ...lane.wish, isProved: true };
        this.#needs.onProved(own.name, lane.revision.number);
      }
      return;
    }
    if (lane.trial === 'wanted' && state.linked && state.wanted === 'active' && !state.closing) {
      lane.trial = 'begun';
      // What failed a moment ago is tried again at once.
      supervisor.send({ kind: 'wake', by: state.backoff ? 'person' : 'proxy' });
      return;
    }
    if (lane.trial !== 'begun' || state.wake || !state.failure) return;
    lane.trial = 'none';
    this.#failures.set(own.name, state.failure);
    const facts = state.current === null ? null : (supervisor.facts.get(state.current) ?? null);
    own.chronicle.record('switch_failed', { facts, failure: state.failure, fromRevision: own.serving });
  }

  /** It has done what it was there for. */
  #isOver(own: ProjectSupervisor, lane: Lane): boolean {
    if (lane.purpose === 'tries') return lane.trial === 'none' && isPrepared(lane);
    if (lane.purpose !== 'hands-over') return false;
    return own.serving === lane.revision.number && own.state?.candidate === null;
  }

  /** Its share goes elsewhere first; whom it holds is answered by the project's own service. */
  async #leave(own: ProjectSupervisor, lane: Lane): Promise<void> {
    own.divide(this.splitOf(own));
    await own.whenRouted();
    await this.#remove(own, lane);
    // Somebody may have wanted it again meanwhile.
    const isWanted = lanesOf(own.project.traffic).some(({ revision }) => revision === lane.revision.number);
    if (isWanted && !own.isClosed && own.state?.wanted !== 'deleted') await this.follow(own);
  }

  async #remove(own: ProjectSupervisor, { supervisor, revision }: Lane): Promise<void> {
    const told = supervisor.waiters.wait('delete');
    supervisor.send({ kind: 'delete-asked' });
    if (!(await told)) return;
    supervisor.close();
    this.#needs.registry.remove(supervisor);
    this.#needs.onSettings(supervisor.service);
    this.#lanes.get(own.name)?.delete(revision.number);
    if (this.#lanes.get(own.name)?.size === 0) this.#lanes.delete(own.name);
  }

  #find(project: string, revision: number): Lane | undefined {
    return this.#lanes.get(project)?.get(revision);
  }

  #place({ name }: ProjectSupervisor, lane: Lane): void {
    const lanes = this.#lanes.get(name) ?? new Map<number, Lane>();
    this.#lanes.set(name, lanes);
    lanes.set(lane.revision.number, lane);
  }
}

/** One that was deployed and has neither requests nor a host is there only until it was seen. */
function wishesOf({ traffic }: Project, trial: Trial | null): readonly LaneWish[] {
  const wishes = lanesOf(traffic);
  if (!trial || leadOf(traffic) === trial.revision) return wishes;
  if (wishes.some(({ revision }) => revision === trial.revision)) return wishes;
  return [...wishes, { revision: trial.revision, percent: 0, tags: [], isProved: false }];
}

function setPurpose(lane: Lane, { traffic }: Project, trial: Trial | null): void {
  const { wish } = lane;
  const isInTraffic = traffic.some(({ revision }) => revision === wish.revision);
  lane.purpose = isInTraffic ? 'serves' : 'tries';
  const isDeployed = trial?.revision === wish.revision && trial.verifies;
  if (!wish.isProved && (wish.percent > 0 || isDeployed) && lane.trial !== 'begun') lane.trial = 'wanted';
}
