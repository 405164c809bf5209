/** Bounds of dependencies, by name. */

/** A client that hears of a failed dependency may come back after so long: the dependency's own back-off decides then. */
export const DEPENDENCY_RETRY_MS = 1_000;
/** Changes that one change can bring about, project by project: beyond it the rules contradict each other, which is a bug. */
export const ROUNDS_MAX = 50;
