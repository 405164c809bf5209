/** Bounds of schedules, by name. */

/** A wake-up that was missed by less is made good; an older one is not. */
export const WAKE_UP_LATE_MAX_MS = 60_000;
/** The wall clock may jump, and timers do not notice: while there are schedules, the calendar is looked at so often. */
export const LOOK_EVERY_MAX_MS = 30_000;
