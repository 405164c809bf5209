/** From what a project wants of its revisions to the machine's lineup. Pure. */
import type { Project } from '../../domain/project.ts';
import { leadOf } from '../../domain/traffic.ts';
import type { Lineup } from './project-state.ts';

/** A project's own service serves one revision; the others of its split have lanes of their own. */
export function lineupOf({ traffic, revision }: Project): Lineup {
  return [{ revision: leadOf(traffic) ?? revision, percent: 100 }];
}
