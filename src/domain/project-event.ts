/** What happened to a project, in words a person can act on. */

export type ProjectEventKind =
  | 'created'
  | 'updated'
  | 'deleted'
  | 'traffic_changed' // other revisions are to get its requests
  | 'rolled_back' // an earlier revision is to serve again
  | 'preparing' // progress of a pull and the like
  | 'prepared'
  | 'prepare_failed' // nobody waited for it; details: { code, log_lines }
  | 'starting'
  | 'woken' // details: { duration_ms, phases: { start_ms, answer_ms }, held }
  | 'wake_failed' // details: { code, log_lines }
  | 'sleeping' // the two-phase sleep was signalled; details: { idle_ms }
  | 'frozen' // suspended; the next request resumes it
  | 'slept' // details: { duration_ms, exit_code }
  | 'stopped' // by a person
  | 'started' // by a person: may run again
  | 'switched' // a new revision serves; details: { from, to }
  | 'switch_failed'
  | 'scaled' // the load asks for more or fewer instances
  | 'scale_failed' // a further instance did not start, the others go on
  | 'unhealthy' // a liveness probe failed: it is replaced; details: { code, log_lines }
  | 'not_ready' // a readiness probe failed: no new requests until it succeeds; details: { code, log_lines }
  | 'ready_again'
  | 'crashed' // details: { exit_code, log_lines }
  | 'window_opened' // of its schedules: it is kept awake; details: { until }
  | 'window_closed'
  | 'flapping' // wakes and sleeps, or crashes, too often; details: { wakes, crashes, window_ms, idle_timeout, paths, user_agents }
  | 'adopted'; // found running by a new control plane

export interface ProjectEvent {
  /** Grows; unique in the installation. */
  readonly id: number;
  readonly project: string;
  readonly kind: ProjectEventKind;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
