/** The daemon's memory across restarts: the state file and the lock on its directory. */
export { loadState, StateFile, stateFilePath } from './state-file.ts';
export { StateLock } from './state-lock.ts';
export type { SavedService, SavedState } from './state-schema.ts';
export { STATE_VERSION } from './state-schema.ts';
