/** Every bound of the daemon, its workers and its client, in one place. */

/** Connections that may wait to be accepted, per listening socket. */
export const LISTEN_BACKLOG = 4_096;

/** Services, all owners together. */
export const SERVICES_MAX = 30_000;
/** Targets of one service. */
export const TARGETS_PER_SERVICE_MAX = 1_000;
/** Exchanges at once that a target may be limited to. */
export const TARGET_CONCURRENCY_MAX = 1_000_000;
/** Hosts of one service. */
export const HOSTS_PER_SERVICE_MAX = 1_000;
/** Path prefixes of one service. */
export const PATH_PREFIXES_PER_SERVICE_MAX = 100;

/** Quiet rules of one service: each is looked at for every one of its requests. */
export const QUIET_RULES_PER_SERVICE_MAX = 20;
/** The fixed answer of a quiet rule. */
export const QUIET_BODY_CHARACTERS_MAX = 1_000;

/** Paths of one service that metrics leave out: each is compared with that of every request. */
export const EXCLUDED_PATHS_MAX = 100;
/** One error page of a service, and all of them together. */
export const ERROR_PAGE_BYTES_MAX = 128 * 1024;
export const ERROR_PAGES_BYTES_MAX = 1024 * 1024;
/** Ten years of Strict-Transport-Security. */
export const HSTS_SECONDS_MAX = 10 * 365 * 24 * 60 * 60;
/** Groups that share the requests of one service. */
export const SPLIT_GROUPS_MAX = 20;
/** Values of a sticky cookie that are named for one group. */
export const SPLIT_KEYS_MAX = 10_000;
export const SPLIT_KEY_CHARACTERS_MAX = 200;

/** One message of the link: a snapshot of a hundred thousand services fits. */
export const LINK_MESSAGE_BYTES_MAX = 128 * 1024 * 1024;
/** What may wait unsent on a link before it is cut: its control plane does not read. */
export const LINK_BACKLOG_BYTES_MAX = 256 * 1024 * 1024;
/** Links at once, with those that have not said hello. */
export const LINKS_MAX = 64;
/** A link that has not said hello by then is closed. */
export const LINK_HELLO_TIMEOUT_MS = 5_000;
/** Requests of one link that wait for an answer. */
export const LINK_CALLS_MAX = 10_000;
/** Reconnects of the client: first and longest pause. */
export const LINK_RETRY_FIRST_MS = 1;
export const LINK_RETRY_LONGEST_MS = 500;
/** A request's body on the management socket. */
export const COMMAND_BYTES_MAX = 1024 * 1024;
/** How long a command of the client may take when it names no time of its own. */
export const COMMAND_TIMEOUT_MS = 10_000;
/** All workers, one after the other. */
export const RESTART_TIMEOUT_MS = 5 * 60 * 1_000;

/** One line from the daemon to a worker: the whole table in the worst case. */
export const TABLE_LINE_BYTES_MAX = 256 * 1024 * 1024;
/** One line from a worker to the daemon; a reported table is the largest. */
export const WORKER_LINE_BYTES_MAX = 256 * 1024 * 1024;
/** What may wait unsent to one worker before it is replaced: it does not read. */
export const WORKER_BACKLOG_BYTES_MAX = 512 * 1024 * 1024;
/** A worker that does not serve by then is killed and replaced. */
export const WORKER_START_TIMEOUT_MS = 20_000;
/** Pause before a crashed worker is replaced: first and longest; it is forgotten after a quiet minute. */
export const WORKER_RESTART_FIRST_MS = 10;
export const WORKER_RESTART_LONGEST_MS = 5_000;
export const WORKER_RESTART_FORGET_MS = 60_000;
/** How long a worker that is replaced may finish what it has before that is cut. */
export const WORKER_DRAIN_TIMEOUT_MS = 60 * 60 * 1_000;
/** How long an idle connection of a replaced worker may wait for its next request: as long as ever. */
export const REPLACED_IDLE_MS = 10 * 60 * 1_000;
/** And at the end of everything: a request that is under way may still arrive. */
export const STOP_IDLE_MS = 100;
/** Rows of the board: one for each service and each target. Burying a worker reads them all: 5 ms. */
export const BOARD_ROWS = 32_768;
/** A worker looks for its daemon again: first and longest pause. */
export const DAEMON_RETRY_FIRST_MS = 5;
export const DAEMON_RETRY_LONGEST_MS = 250;

/** Workers say this often what they have counted. */
export const COUNTS_PERIOD_MS = 1_000;

/** A worker that serves says something every second: after so long a silence it hangs, and another takes its place. */
export const WORKER_SILENCE_MS = 10_000;
/** A daemon that comes to look so late was itself suspended: what it has not heard says nothing of the workers. */
export const WORKER_LOOK_LATE_MS = 2_000;
/** Different numbers kept of one service: beyond them new names are not counted. */
export const COUNT_NAMES_PER_SERVICE_MAX = 500;

/** So long a worker may take to connect to a target that is expected; a connection within one machine takes a millisecond. */
export const EXPECT_TIMEOUT_MS = 2_000;

/** Activity is looked at this often. */
export const ACTIVITY_PERIOD_MS = 100;
/** Whether a target that left is quiet is looked at this often, while somebody or a row waits for it. */
export const DRAIN_PERIOD_MS = 10;
/** State is saved this long after a change that nobody waits for. */
export const STATE_SAVE_DELAY_MS = 250;
/** The state file as a whole. */
export const STATE_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** Pauses between the daemon's own probes of a starting target: first and longest. */
export const PROBE_RETRY_FIRST_MS = 1;
export const PROBE_RETRY_LONGEST_MS = 10;

/** `sun_path` on Linux holds 107 bytes and a NUL. */
export const SOCKET_PATH_BYTES_MAX = 107;

/** How long the next daemon waits for workers that are known to be there. */
export const ORPHANS_TIMEOUT_MS = 2_000;
/** As long as none of them has said anything: without one that hands over, they keep the ports that are wanted. */
export const SILENT_ORPHANS_TIMEOUT_MS = 15_000;
/** How long one of them may take to hand over what it has. */
export const SURRENDER_TIMEOUT_MS = 2_000;
/** Whether an orphan is dead yet is looked at this often, once it has gone away. */
export const ORPHAN_PERIOD_MS = 100;

/** How long a daemon that hands over may take to give up its lock, and how often that is looked at. */
export const HAND_OVER_TIMEOUT_MS = 10_000;
export const HAND_OVER_PERIOD_MS = 5;
/** A daemon that has handed over refuses commands until the next one has its socket's path: so long at most, looked at so often. */
export const SUCCESSOR_TIMEOUT_MS = 30_000;
export const SUCCESSOR_PERIOD_MS = 20;
/** Whoever connected just before that may still ask. */
export const SUCCESSOR_GRACE_MS = 250;
/** How long a worker that nobody takes over may finish what it has. */
export const LATE_ORPHAN_DRAIN_MS = 30_000;

/** A certificate with its chain, or a private key, that a deploy brings. */
export const OWN_CERTIFICATE_BYTES_MAX = 256 * 1024;

/** Any duration that a command may name. */
export const DURATION_MS_MAX = 24 * 60 * 60 * 1_000;
/** How long a request waits for a deployed service none of whose targets answers: after a reboot. */
export const DEPLOYED_HOLD_TIMEOUT_MS = 30_000;
/** What clients of a stopped service read. */
export const STOP_MESSAGE_CHARACTERS_MAX = 1_000;
/** Health checks: what they are without a word about them. */
export const HEALTH_CHECK_INTERVAL_MS = 1_000;
export const HEALTH_CHECK_TIMEOUT_MS = 5_000;
/** Pauses between attempts begin here and grow to the interval. */
export const HEALTH_CHECK_FIRST_PAUSE_MS = 50;
export const DEPLOY_TIMEOUT_MS = 30_000;
export const DRAIN_TIMEOUT_MS = 30_000;
export const MAX_PAUSE_MS = 30_000;
/** Targets of one deploy that are checked at once. */
export const CHECKS_AT_ONCE_MAX = 50;
/** Commands that may be under way at once. */
export const COMMANDS_MAX = 1_000;
/** How long a command waits for every worker to have its change; one that is slower is named in the log. */
export const ACKNOWLEDGE_TIMEOUT_MS = 5_000;
/** Whether they have is looked at this often. */
export const ACKNOWLEDGE_PERIOD_MS = 1;
/** After the drain timeout exchanges are cut; how long that may take to show. */
export const CUT_TIMEOUT_MS = 1_000;
/** A daemon that hands over waits this long for drains under way. */
export const HAND_OVER_DRAIN_MS = 4_000;
/** What a command of the client may take beyond the times it names itself. */
export const COMMAND_GRACE_MS = 15_000;
/** How long a client tries again while one daemon hands over to the next. */
export const HAND_OVER_RETRY_MS = 10_000;
export const HAND_OVER_RETRY_PERIOD_MS = 50;
