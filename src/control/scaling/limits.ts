/** The bounds of scaling, by name. Windows and thresholds are Knative's. */

/** What is steady: the load on average over so long decides. */
export const STABLE_WINDOW_MS = 60_000;
/** What rises suddenly: twice as much over so long is acted upon at once. */
export const PANIC_WINDOW_MS = 6_000;
export const PANIC_THRESHOLD = 2;
/** A lower number must have been enough for so long. */
export const SCALE_DOWN_DELAY_MS = 10_000;
/** At most halved in one decision. */
export const SCALE_DOWN_RATE = 2;
/** How often it is decided, while awake. */
export const TICK_MS = 2_000;
/** A load beyond what the instances are for that lasts so long is not left until the next tick, but no more often than this. */
export const HURRY_MS = 500;
/** Of the load's record. */
export const BUCKET_MS = 500;
