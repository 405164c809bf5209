/** Whether a project may be routed as it is to be: asked of the others, and of the proxy, before anything is stored. */
import { isLumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Project } from '../../domain/project.ts';
import type { ProxyLink } from '../../proxy/client/contract.ts';
import { refusal } from '../errors.ts';
import type { LaneKeeper } from '../lanes/lane-keeper.ts';
import { hostsOf } from '../lanes/traffic-check.ts';
import type { ProjectRegistry } from '../project-registry.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { desiredPublication } from '../projects/publishing.ts';

export interface RouteTrialNeeds {
  readonly link: ProxyLink;
  readonly lanes: LaneKeeper;
  readonly log: Log;
}

/** Our own projects by their names; the proxy would only say which service has it. */
export function checkHosts(project: Project, registry: ProjectRegistry): void {
  const hosts = hostsOf(project);
  for (const other of registry.projects()) {
    const taken = hostsOf(other.project).find((host) => hosts.includes(host));
    if (taken === undefined || other.name === project.settings.name) continue;
    const message = `the hostname ${taken} belongs to project ${other.name}`;
    throw refusal.hostnameTaken(message, { hostname: taken, owner: other.name });
  }
}

/** A host that somebody else has is found out before anything is stored. */
export async function tryRoutes(
  supervisor: ProjectSupervisor,
  changed: Project,
  { link, lanes: keeper, log }: RouteTrialNeeds,
): Promise<void> {
  const { state } = supervisor;
  if (!state?.linked) return;
  const lanes = keeper.splitOf(supervisor, changed);
  const spec = supervisor.routes.specOf(
    state.published ?? desiredPublication(state),
    changed.settings,
    lanes,
  );
  if (!spec) return;
  try {
    await link.publish(spec);
  } catch (error) {
    if (isLumaError(error, 'host_taken')) throw refusal.hostnameTaken(error.message, error.details);
    log.info('new routes follow when the proxy is back', {
      project: supervisor.name,
      error: messageOf(error),
    });
  }
}
