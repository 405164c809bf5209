/** Who gets a project's requests, as people see it. */
import type { ProjectView, TrafficView } from '../control/contract.ts';
import type { StartFailure } from '../domain/project-status.ts';
import type { FailureJson, TrafficJson, TrafficShareJson } from './schemas/responses.ts';

type UrlOf = (hostname: string, isSecure: boolean) => string | null;
type ToFailure = (failure: StartFailure) => FailureJson;

export function trafficJson(view: ProjectView, urlOf: UrlOf, toFailure: ToFailure): TrafficJson {
  const { project, traffic, switchFailure } = view;
  return {
    project: project.settings.name,
    latest: project.revision,
    sticky_traffic: project.settings.stickyTraffic,
    traffic: traffic.map((share) => shareJson(share, project.settings.ssl, urlOf, toFailure)),
    switch_failure: switchFailure && toFailure(switchFailure),
  };
}

export function shareJson(
  share: TrafficView,
  isSecure: boolean,
  urlOf: UrlOf,
  toFailure: ToFailure,
): TrafficShareJson {
  const { revision, isLatest, percent, wanted, tag, hosts, status } = share;
  return {
    revision,
    latest: isLatest,
    percent,
    wanted_percent: wanted,
    tag,
    hosts: [...hosts],
    urls: hosts.flatMap((host) => urlOf(host, isSecure) ?? []),
    status: status.name,
    failure: status.failure && toFailure(status.failure),
  };
}
