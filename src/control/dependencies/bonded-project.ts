/** One project as others see it: what matters of its state to them, and nothing that changes more often. Pure. */
import type { KeepingSettings } from '../../domain/keeping.ts';
import { failureForDependents, isReady, isStarted, isUp, isUsed } from '../projects/company.ts';
import type { ProjectState } from '../projects/project-state.ts';
import type { Bonded } from './bonds.ts';

export interface BondedFacts {
  readonly name: string;
  readonly keeping: KeepingSettings;
  readonly updatedAt: number;
}

export function bondedOf(
  { name, keeping, updatedAt }: BondedFacts,
  state: ProjectState,
  openUntil: number | null,
): Bonded {
  return {
    name,
    dependsOn: keeping.dependsOn,
    group: keeping.group,
    openUntil: state.wanted === 'active' ? openUntil : null,
    isUp: isUp(state),
    isUsed: isUsed(state),
    isKept: state.kept,
    isStarted: isStarted(state),
    isReady: isReady(state),
    failure: failureForDependents(state, updatedAt),
  };
}

export function isSameBonded(a: Bonded, b: Bonded): boolean {
  return (
    a.dependsOn === b.dependsOn &&
    a.group === b.group &&
    a.openUntil === b.openUntil &&
    a.isUp === b.isUp &&
    a.isUsed === b.isUsed &&
    a.isKept === b.isKept &&
    a.isStarted === b.isStarted &&
    a.isReady === b.isReady &&
    a.failure?.at === b.failure?.at &&
    a.failure?.message === b.failure?.message
  );
}
