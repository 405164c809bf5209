/** A project as people see it. Pure. */
import type { InstanceState } from '../../domain/instance-state.ts';
import type { Keep } from '../../domain/keeping.ts';
import type { Project } from '../../domain/project.ts';
import { projectStatus } from '../../domain/project-status.ts';
import type { InstanceView, ProjectView } from '../contract.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import { mayRun } from './project-draft.ts';
import type { InstanceEntry, ProjectState } from './project-state.ts';

/** Of one service: its lanes say the rest. */
export type OwnView = Omit<ProjectView, 'traffic'>;

export function viewOf(
  project: Project,
  state: ProjectState | null,
  facts: ReadonlyMap<string, InstanceFacts>,
  keeps: readonly Keep[],
): OwnView {
  if (!state) {
    const status = projectStatus(project.wanted, [], null);
    return { project, status, switchFailure: null, instances: [], keeps: [], waitsFor: [] };
  }
  return {
    project,
    status: projectStatus(project.wanted, statesThatCount(state), state.conflict ?? state.failure),
    switchFailure: state.switchFailure,
    instances: state.instances.map((entry) => instanceView(entry, facts.get(entry.id))),
    keeps: state.wanted === 'active' ? keeps : [],
    waitsFor: state.waits && state.dependencies.kind === 'waiting' ? state.dependencies.for : [],
  };
}

export function statesThatCount(state: ProjectState): readonly InstanceState[] {
  if (state.wanted === 'deleted') return ['stopping'];
  // What an earlier revision still does is not the project's status.
  const states = state.instances.filter((entry) => entry.halt?.reason !== 'retire').map(stateOf);
  const isWaiting = state.wake !== null && !state.instances.some(mayRun);
  return isWaiting ? [...states, 'starting'] : states;
}

/** It still runs while its last exchanges end, but it is on its way out. */
function stateOf(entry: InstanceEntry): InstanceState {
  const isGoing = entry.halt !== null && (entry.state === 'running' || entry.state === 'starting');
  return isGoing ? 'stopping' : entry.state;
}

function instanceView(entry: InstanceEntry, facts: InstanceFacts | undefined): InstanceView {
  const address = facts?.address && mayRun(entry) ? facts.address : null;
  return {
    instanceId: entry.id,
    revision: entry.revision,
    state: stateOf(entry),
    isReady: stateOf(entry) === 'running' && entry.isReady,
    health: facts?.health ?? null,
    address: address ? `${address.host}:${address.port}` : null,
    since: facts?.since ?? 0,
  };
}
