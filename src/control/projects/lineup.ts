/** From what a project wants of its revisions to the machine's lineup. Pure. */
import type { Project } from '../../domain/project.ts';
import type { Lineup } from './project-state.ts';

/** Tagged revisions without a share of the requests are reached by their own hostnames alone. */
export function lineupOf({ traffic, revision }: Project): Lineup {
  const shares = traffic.filter(({ percent }) => percent > 0);
  if (shares.length === 0) return [{ revision, percent: 100 }];
  return shares.map((share) => ({ revision: share.revision, percent: share.percent }));
}
