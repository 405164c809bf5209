/** Who gets a project's requests now, beside what is wanted, as people see it. Pure. */
import { projectStatus, type StartFailure } from '../../domain/project-status.ts';
import type { TrafficShare } from '../../domain/revision.ts';
import { percentOf, tagHosts } from '../../domain/traffic.ts';
import type { ProjectView, TrafficView } from '../contract.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { type Lane, percentNow } from './lane.ts';

/** The project with its lanes as one. */
export function wholeView(
  own: ProjectSupervisor,
  lanes: readonly Lane[],
  trialFailure: StartFailure | null,
): ProjectView {
  const view = own.view();
  const others = lanes.map(({ supervisor }) => supervisor.view());
  const shown = lanes.filter((lane) => percentNow(lane) > 0).map(({ supervisor }) => supervisor);
  const states = [own, ...lanes.map(({ supervisor }) => supervisor)].flatMap((each) => each.statesThatCount);
  const failure = [own, ...shown].map((each) => each.failure).find((each) => each !== null) ?? null;
  return {
    ...view,
    status: projectStatus(view.project.wanted, states, failure),
    switchFailure: view.switchFailure ?? trialFailure,
    traffic: trafficView(own, lanes),
    instances: [...view.instances, ...others.flatMap(({ instances }) => instances)],
  };
}

export function trafficView(own: ProjectSupervisor, lanes: readonly Lane[]): readonly TrafficView[] {
  const { traffic, settings } = own.project;
  const now = percentages(own, lanes);
  const entry = (share: TrafficShare, percent: number): TrafficView => {
    const server = lanes.find(({ revision }) => revision.number === share.revision)?.supervisor ?? own;
    return {
      revision: share.revision,
      isLatest: share.isLatest,
      tag: share.tag,
      percent,
      wanted: share.percent,
      hosts: share.tag === null ? [] : tagHosts(share.tag, settings.hostnames),
      status: server.view().status,
    };
  };
  const shares = traffic.map((share) => {
    const total = now.get(share.revision) ?? 0;
    const first = traffic.find(({ revision }) => revision === share.revision);
    const isAsWanted = total === percentOf(traffic, share.revision);
    return entry(share, isAsWanted ? share.percent : share === first ? total : 0);
  });
  const strangers = [...now].filter(([revision]) => !traffic.some((share) => share.revision === revision));
  const gone = { percent: 0, tag: null, isLatest: false, isProved: true };
  return [...shares, ...strangers.map(([revision, percent]) => entry({ ...gone, revision }, percent))];
}

/** By revision, where there are any. What no lane gets is the own service's. */
function percentages(own: ProjectSupervisor, lanes: readonly Lane[]): ReadonlyMap<number, number> {
  const now = new Map<number, number>();
  const add = (revision: number, percent: number): void => {
    if (percent > 0) now.set(revision, (now.get(revision) ?? 0) + percent);
  };
  for (const lane of lanes) add(lane.revision.number, percentNow(lane));
  const rest = 100 - lanes.reduce((sum, lane) => sum + percentNow(lane), 0);
  add(own.serving ?? own.lead, rest);
  return now;
}
