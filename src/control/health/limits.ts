/** Every bound of asking instances how they are. */

/** The head of an answer to a probe. */
export const ANSWER_HEAD_BYTES_MAX = 64 * 1024;
/** What a command wrote is told up to here. */
export const REASON_CHARACTERS_MAX = 300;
/** Pauses between the runs of a startup command: a run costs some ten milliseconds of a core. */
export const STARTUP_PAUSE_FIRST_MS = 20;
export const STARTUP_PAUSE_GROWTH = 1.5;
/** Who has started for a minute is asked every six seconds: found ready at most a tenth too late. */
export const STARTUP_LATENESS_PART = 1 / 10;

/** How often an instance is looked at whose image's check failed while it started. */
export const DOUBT_LOOK_EVERY_MS = 5_000;
