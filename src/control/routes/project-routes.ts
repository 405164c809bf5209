/**
 * What the proxy is told of one service, and what its answer means to the service's machine. Owns who of the requests goes to lanes, and
 * what the last snapshot said.
 */
import type { Project } from '../../domain/project.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { LaneSplit, ServiceReport, ServiceSpec } from '../../proxy/client/contract.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import type { ProjectState, Publication } from '../projects/project-state.ts';
import { desiredPublication } from '../projects/publishing.ts';
import { serviceSpec, targetSpec } from './service-spec.ts';

export interface RoutedService {
  readonly project: Project;
  /** What the proxy knows it as. */
  readonly service: string;
  readonly state: ProjectState | null;
  readonly facts: ReadonlyMap<string, InstanceFacts>;
}

export class ProjectRoutes {
  readonly #subject: RoutedService;
  #snapshot: Publication | null = null;
  #lanes: LaneSplit | null = null;

  constructor(subject: RoutedService) {
    this.#subject = subject;
  }

  /** True: that is news. */
  divide(lanes: LaneSplit): boolean {
    if (JSON.stringify(lanes) === JSON.stringify(this.#lanes)) return false;
    this.#lanes = lanes;
    return true;
  }

  /** What the snapshot is to say of this service; null: nothing, it is being deleted. */
  snapshot(): ServiceSpec | null {
    const { state, service, project } = this.#subject;
    if (!state) {
      const traffic = project.wanted === 'active' ? 'forward' : 'stopped';
      return serviceSpec({ service, lanes: this.#lanes }, project.settings, traffic, []);
    }
    const desired = desiredPublication(state);
    this.#snapshot = desired;
    return this.specOf(desired);
  }

  specOf(
    publication: Publication,
    settings = this.#subject.project.settings,
    lanes = this.#lanes,
  ): ServiceSpec | null {
    if (publication.traffic === 'none') return null;
    const { service, state, facts: known } = this.#subject;
    const targets = publication.targets.flatMap((id) => {
      const facts = known.get(id);
      if (!facts?.address) return [];
      const target = targetSpec(id, facts.address, facts.settings);
      return [facts.isReached ? { ...target, isReached: true } : target];
    });
    const split = publication.split.map(({ revision, percent }) => ({
      name: `r${revision}`,
      percent,
      targetIds: publication.targets.filter((id) => known.get(id)?.revision === revision),
      keys: [],
    }));
    const isClosing = state?.closing === true && state.wanted === 'active';
    const traffic = isClosing ? 'closing' : publication.traffic;
    return serviceSpec({ service, lanes }, settings, traffic, targets, split);
  }

  /** The snapshot is in force, and this is what the proxy had of the service before. */
  linkedBy(report: ServiceReport | null, conflict: StartFailure | null): ProjectInput {
    const { state } = this.#subject;
    const ready = (report?.targets ?? []).filter((target) => target.state === 'ready').map(({ id }) => id);
    const targets = state ? desiredPublication(state).targets : [];
    const answered = ready.filter((id) => targets.includes(id));
    const activity = report ? { inFlight: report.inFlight, held: report.held, ends: report.ends } : null;
    const published = conflict ? null : this.#publishedAfter(report);
    return { kind: 'linked', published, activity, answered, conflict };
  }

  /** A snapshot closes nothing that has targets: where the proxy has others, what it has is not what we said. */
  #publishedAfter(report: ServiceReport | null): Publication | null {
    const said = this.#snapshot;
    if (!said || !report || said.traffic === 'none') return said;
    return report.targets.every((target) => said.targets.includes(target.id)) ? said : null;
  }
}
