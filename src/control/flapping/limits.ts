/** What counts as flapping, by name. */

export const FLAPPING_WINDOW_MS = 600_000;
/** Wakes out of a sleep within the window. */
export const FLAPPING_WAKES = 6;
export const FLAPPING_CRASHES = 3;
/** Requests remembered of one project, each with its path and its user agent. */
export const CAUSES_MAX = 20;
/** Moments remembered of one project; more than that is said as so many. */
export const MOMENTS_MAX = 100;
