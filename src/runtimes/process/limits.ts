/** Every bound of the process runtime, by name. */

/** Of each output stream the newest so many bytes are kept; twice that is the most that lies on disk at rest. */
export const OUTPUT_KEPT_BYTES = 4 * 1024 * 1024;
/** A longer line is told as several. */
export const OUTPUT_LINE_BYTES_MAX = 64 * 1024;
/** How many (offset, time) pairs a stream's times are kept by; older ones are thinned out beyond. */
export const OUTPUT_STAMPS_MAX = 4096;
/** A file that looks this large (its head is a hole by then) is begun anew: file systems have a largest size. */
export const OUTPUT_FILE_BYTES_MAX = 2 ** 40;

/** How often running instances are looked at: for output, and for the end of those that are not our children. */
export const LOOK_MS = 250;
/** The same while somebody follows, or output came at the last look. */
export const LOOK_BUSY_MS = 50;
/** The same while output floods: between two looks a file grows unbounded. */
export const LOOK_FLOOD_MS = 5;
/** The longest pause between two looks at the output of one that writes nothing. */
export const LOOK_QUIET_MS = 1_000;
/** An instance is looked at with others when so much of its pause is over: fifty awake need no timer each. */
export const LOOK_TOGETHER_PART = 1 / 2;
/** This many bytes between two looks are a flood. */
export const FLOOD_BYTES = 1024 * 1024;

/** What is kept of a removed instance's output. */
export const KEPT_LINES_MAX = 200;
export const KEPT_LINE_CHARACTERS_MAX = 4096;
/** Of so many removed instances; the oldest go first. */
export const KEPT_OUTPUTS_MAX = 100;

/**
 * Where ports are chosen: below the range that the kernel takes for outgoing connections, so that none of
 * those sits on a sleeping instance's port when it wakes.
 */
export const PORT_FIRST = 20_000;
export const PORT_LAST = 29_999;

/** What a command that has ended wrote is read for so long: a child of its own may keep the pipe open. */
export const EXEC_READ_MS = 100;

/** How long processes may take to disappear after SIGKILL before that is an error (uninterruptible sleep). */
export const KILL_PATIENCE_MS = 5_000;
