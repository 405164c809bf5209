/**
 * Follows the events of all projects and reports those that flap. Owns what is remembered of each: nothing of one that has
 * neither slept nor crashed since this process began.
 */
import { formatDuration } from '../../base/duration.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { type FlappingReport, type FlappingState, noteHappening, steady } from './flapping.ts';
import { FLAPPING_WINDOW_MS } from './limits.ts';

export interface FlappingListener {
  /** `text`: what happens, and what to do about it. */
  onFlapping(project: string, text: string, details: Readonly<Record<string, unknown>>): void;
  /** Null: never, or there is no such project. */
  idleTimeoutMs(project: string): number | null;
}

export class FlappingWatch {
  readonly #listener: FlappingListener;
  readonly #states = new Map<string, FlappingState>();

  constructor(listener: FlappingListener) {
    this.#listener = listener;
  }

  onEvent({ project, kind, at }: ProjectEvent): void {
    if (kind === 'deleted') this.#states.delete(project);
    // Who was found unhealthy had to be ended: to whoever waits that is a crash.
    const happening = kind === 'unhealthy' ? 'crashed' : kind;
    if (happening !== 'slept' && happening !== 'woken' && happening !== 'crashed') return;
    const before = this.#states.get(project);
    if (!before && happening === 'woken') return;
    const { state, report } = noteHappening(before ?? steady, happening, at);
    this.#states.set(project, state);
    if (report) this.#tell(project, report);
  }

  #tell(project: string, { wakes, crashes }: FlappingReport): void {
    const idleMs = this.#listener.idleTimeoutMs(project);
    const within = formatDuration(FLAPPING_WINDOW_MS);
    const isCrashing = crashes > 0;
    const what = isCrashing
      ? `crashed ${times(crashes)}${wakes > 0 ? ` and woke up ${times(wakes)}` : ''}`
      : `went to sleep and woke up ${times(wakes)}`;
    const text = `${project} ${what} within ${within}; ${isCrashing ? afterCrashes : afterWakes(idleMs)}`;
    const idleTimeout = idleMs === null ? 'never' : formatDuration(idleMs);
    const details = { wakes, crashes, window_ms: FLAPPING_WINDOW_MS, idle_timeout: idleTimeout };
    this.#listener.onFlapping(project, text, details);
  }
}

const afterCrashes = 'see the lines that it wrote before in its events "crashed" and "unhealthy"';

function afterWakes(idleMs: number | null): string {
  const idle = idleMs === null ? '' : ` (now ${formatDuration(idleMs)})`;
  return `a longer idle_timeout${idle} keeps it awake in between, and quiet_rules keep monitors and bots from waking it`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
