/** A project's status is a pure function of what is wanted and its instances; it is never stored. */
import type { InstanceState } from './instance-state.ts';
import type { Wanted } from './project.ts';

export type ProjectStatusName =
  | 'idle'
  | 'starting'
  | 'running'
  | 'frozen'
  | 'stopping'
  | 'stopped'
  | 'failed';

/** Why the last start did not work. */
export interface StartFailure {
  /** Stable: `image_not_found`, `instance_exited`, `port_never_opened`, … */
  readonly code: string;
  /** A reason a person can act on. */
  readonly message: string;
  readonly logLines: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface ProjectStatus {
  readonly name: ProjectStatusName;
  /** Present with `failed`, and with `running` until a restart after a crash has answered. */
  readonly failure: StartFailure | null;
}

export function projectStatus(
  wanted: Wanted,
  instances: readonly InstanceState[],
  failure: StartFailure | null,
): ProjectStatus {
  const has = (state: InstanceState): boolean => instances.includes(state);
  if (has('running')) return { name: wanted === 'stopped' ? 'stopping' : 'running', failure };
  if (has('starting')) return { name: wanted === 'stopped' ? 'stopping' : 'starting', failure: null };
  if (has('stopping')) return { name: 'stopping', failure: null };
  if (wanted === 'stopped') return { name: 'stopped', failure: null };
  if (has('frozen')) return { name: 'frozen', failure: null };
  return failure ? { name: 'failed', failure } : { name: 'idle', failure: null };
}
