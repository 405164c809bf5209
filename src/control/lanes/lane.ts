/** What is known of one lane beside its supervisor. Owned by the keeper of lanes, which alone writes it. */
import type { Revision } from '../../domain/revision.ts';
import type { LaneWish } from '../../domain/traffic.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';

export interface Lane {
  readonly supervisor: ProjectSupervisor;
  readonly revision: Revision;
  /** What the project wants of it; of one that hands over or leaves, what it wanted last. */
  wish: LaneWish;
  /**
   * `serves`: as the project's traffic says. `hands-over`: its revision leads from now on, and the project's own service does not serve it
   * yet. `tries`: only to see that its revision starts. `leaves`: nothing new goes there, and it ends.
   */
  purpose: 'serves' | 'hands-over' | 'tries' | 'leaves';
  /** Somebody wants to see that it answers: `wanted`; it was woken for that: `begun`. */
  trial: 'none' | 'wanted' | 'begun';
}

/** What it gets of the requests now. */
export function percentNow({ wish, purpose }: Lane): number {
  if (purpose !== 'serves' && purpose !== 'hands-over') return 0;
  return wish.isProved ? wish.percent : 0;
}

/** It has answered since it is there. */
export function hasAnswered({ supervisor }: Lane): boolean {
  const { state } = supervisor;
  return state?.instances.some((entry) => entry.state === 'running' && !entry.halt) ?? false;
}

/** Its instance lies ready, or could not be made. */
export function isPrepared({ supervisor }: Lane): boolean {
  const { state } = supervisor;
  const current = state?.instances.find(({ id }) => id === state.current);
  return current !== undefined && current.state !== 'preparing' && current.call === null;
}
