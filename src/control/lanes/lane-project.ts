/** A lane as the project that its supervisor runs: one revision, no hostnames, its part of the instances. Pure. */
import type { Project } from '../../domain/project.ts';
import { allTo, type Revision } from '../../domain/revision.ts';
import type { LaneWish } from '../../domain/traffic.ts';

/** No project's name has a dot. */
export function laneService(project: string, revision: number): string {
  return `${project}.r${revision}`;
}

/** The revision of a service of that project that is a lane; null: it is none. */
export function revisionOfLane(project: string, service: string): number | null {
  if (!service.startsWith(`${project}.r`)) return null;
  const number = Number(service.slice(project.length + 2));
  return Number.isInteger(number) && number > 0 ? number : null;
}

/**
 * Those instances that are always there are the project's: each revision with requests has its percentage of them.
 * 10 % of `min_instances` 2 is 1, 90 % of it 2; a revision that is merely tagged has none.
 */
export function laneProject(
  project: Project,
  { number, settings }: Revision,
  { percent }: LaneWish,
): Project {
  const { scaling, keeping } = project.settings;
  const minInstances = Math.ceil((scaling.minInstances * percent) / 100);
  return {
    ...project,
    settings: {
      ...project.settings,
      ...settings,
      hostnames: [],
      scaling: { ...scaling, minInstances },
      // It needs what the project needs; a group is of projects, and a calendar keeps those warm that get requests.
      keeping: { ...keeping, group: null, schedules: percent > 0 ? keeping.schedules : [] },
    },
    revision: number,
    traffic: allTo(number),
  };
}
