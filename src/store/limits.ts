/** The store's bounds, by name. */

/** Events kept per project; older ones go as new ones come. */
export const EVENTS_PER_PROJECT_MAX = 1_000;

/** Events listed when the query does not say. */
export const EVENTS_LISTED_DEFAULT = 100;

/** How long a write waits for another process's lock on the file. It blocks the process: keep it short. */
export const BUSY_TIMEOUT_MS = 2_000;

/** Prepared statements kept per connection; the oldest goes. */
export const STATEMENTS_MAX = 200;
