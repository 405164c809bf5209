/** The API's bounds, by name. */

export const BODY_BYTES_MAX = 1024 * 1024;
/** Objects and lists inside each other in a body; a project needs two. */
export const BODY_DEPTH_MAX = 16;

export const HOSTNAMES_MAX = 100;
export const ENV_VARS_MAX = 1_000;
export const ENV_VAR_BYTES_MAX = 32 * 1024;
export const COMMAND_PARTS_MAX = 1_000;
export const COMMAND_PART_BYTES_MAX = 32 * 1024;
export const PATH_CHARACTERS_MAX = 4_096;

/** As many as the proxy takes: each is looked at for every request. */
export const QUIET_RULES_MAX = 20;
export const QUIET_METHODS_MAX = 20;
export const QUIET_USER_AGENT_CHARACTERS_MAX = 200;
export const QUIET_BODY_CHARACTERS_MAX = 1_000;

/** As many targets as the proxy takes for a service. */
export const INSTANCES_MAX = 1_000;
export const CONCURRENCY_MAX = 1_000;

export const DEPENDENCIES_MAX = 50;
export const SCHEDULES_MAX = 20;
export const CRON_CHARACTERS_MAX = 200;
export const KEEP_AWAKE_MIN_MS = 60 * 1_000;
export const KEEP_AWAKE_MAX_MS = 31 * 24 * 60 * 60 * 1_000;

export const DURATION_MIN_MS = 50;
export const IDLE_TIMEOUT_MAX_MS = 365 * 24 * 60 * 60 * 1_000;
export const WAKE_TIMEOUT_MAX_MS = 24 * 60 * 60 * 1_000;
export const STOP_TIMEOUT_MAX_MS = 60 * 60 * 1_000;
export const RESPONSE_TIMEOUT_MAX_MS = 24 * 60 * 60 * 1_000;
export const HEALTH_CHECK_TIMEOUT_MAX_MS = 60 * 60 * 1_000;

/** As long as Cloud Run lets a start take, and as seldom as it lets an instance be asked. */
export const PROBE_INITIAL_DELAY_MAX_MS = 60 * 60 * 1_000;
export const PROBE_PERIOD_MIN_MS = 100;
export const PROBE_PERIOD_MAX_MS = 60 * 60 * 1_000;
export const PROBE_THRESHOLD_MAX = 1_000;
export const PROBE_HEADERS_MAX = 20;
export const PROBE_HEADER_CHARACTERS_MAX = 2_000;
/** A command is a few words; what it does is in the image. */
export const PROBE_COMMAND_PARTS_MAX = 100;

export const EVENTS_LISTED_DEFAULT = 100;
export const EVENTS_LISTED_MAX = 1_000;
export const LOG_TAIL_MAX = 100_000;

/** A comment line on a quiet stream: proxies keep it open, and a client that is gone is noticed. */
export const STREAM_PING_MS = 15_000;
/** Events kept for a client that reads slower than they come; beyond it the stream ends and the client resumes. */
export const FOLLOWED_EVENTS_MAX = 1_000;
/** Streams open at once: each holds a connection and a listener. */
export const STREAMS_MAX = 500;

/** An offending value is shown up to here. */
export const SHOWN_VALUE_CHARACTERS_MAX = 200;
/** Problems told about one body; a thousand bad variables say no more than a hundred. */
export const FIELD_PROBLEMS_MAX = 100;

/** How long a stopping API waits for answers under way; then it breaks them off. What they wait for ends with the control plane. */
export const STOP_PATIENCE_MS = 5_000;

/** Of what a registry knows a client by; tokens of the large clouds have some thousand characters. */
export const REGISTRY_USERNAME_CHARACTERS_MAX = 255;
export const REGISTRY_SECRET_CHARACTERS_MAX = 16_384;
