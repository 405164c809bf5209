/** The store's bounds, by name. */

/** Events kept per project; older ones go as new ones come. */
export const EVENTS_PER_PROJECT_MAX = 1_000;

/** Events listed when the query does not say. */
export const EVENTS_LISTED_DEFAULT = 100;

/** How long opening waits for another process's lock on the file. It blocks the process, which has nothing to do yet. */
export const BUSY_TIMEOUT_MS = 2_000;

/** How long a transaction is tried again while another process has the lock; the process goes on meanwhile. */
export const BUSY_PATIENCE_MS = 2_000;
export const BUSY_RETRY_MS = 25;

/** Prepared statements kept per connection; the oldest goes. */
export const STATEMENTS_MAX = 200;
