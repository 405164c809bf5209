/** The door to the runtime of local processes. */
import type { Runtime } from '../contract.ts';
import { ProcessRuntime, type ProcessRuntimeOptions } from './process-runtime.ts';

export type { ProcessRuntimeOptions } from './process-runtime.ts';

/** Fails with `run_user_unknown` or `run_user_needs_root` when `user` cannot be had. */
export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  return new ProcessRuntime(options);
}
