/** What an inspection of a container means in the words of the contract. Pure. */
import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceExit, ObservedState } from '../contract.ts';

type State = ContainerInspectInfo['State'];

export function observedState(state: { Status: string }): ObservedState {
  switch (state.Status) {
    case 'created':
      return 'prepared';
    case 'running':
    case 'restarting':
      return 'running';
    case 'paused':
      return 'frozen';
    default: // exited, dead, removing
      return 'exited';
  }
}

/** It has processes, suspended or not. */
export function isUp(state: { Status: string }): boolean {
  const observed = observedState(state);
  return observed === 'running' || observed === 'frozen';
}

/** How the last run ended; null while it runs, or before it ever ran. */
export function exitOf(state: State): InstanceExit | null {
  const at = Date.parse(state.FinishedAt);
  // The engine writes year 1 for "never".
  if (observedState(state) !== 'exited' || !(at > 0)) return null;
  return { code: state.ExitCode, signal: null, outOfMemory: state.OOMKilled, at };
}
