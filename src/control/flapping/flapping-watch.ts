/**
 * Follows the events of all projects and reports those that flap. Owns what is remembered of each: nothing of one that has
 * neither slept nor crashed since this process began.
 */
import { formatDuration } from '../../base/duration.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { WakeCause } from '../../proxy/client/contract.ts';
import { type FlappingReport, type FlappingState, noteHappening, steady } from './flapping.ts';
import { CAUSES_MAX, FLAPPING_WINDOW_MS } from './limits.ts';

export interface FlappingListener {
  /** `text`: what happens, and what to do about it. */
  onFlapping(project: string, text: string, details: Readonly<Record<string, unknown>>): void;
  /** Null: never, or there is no such project. */
  idleTimeoutMs(project: string): number | null;
}

interface Known extends WakeCause {
  readonly at: number;
}

interface Count {
  readonly text: string;
  readonly count: number;
}

const MOST_SHOWN = 3;

export class FlappingWatch {
  readonly #listener: FlappingListener;
  readonly #states = new Map<string, FlappingState>();
  /** The request that was held last, and what woke it lately. */
  readonly #latest = new Map<string, WakeCause>();
  readonly #causes = new Map<string, readonly Known[]>();

  constructor(listener: FlappingListener) {
    this.#listener = listener;
  }

  /** Whether that is what wakes it out of a sleep is told by the events that follow. */
  onCause(project: string, cause: WakeCause): void {
    this.#latest.set(project, cause);
  }

  onEvent({ project, kind, at }: ProjectEvent): void {
    if (kind === 'deleted') for (const map of [this.#states, this.#latest, this.#causes]) map.delete(project);
    // Who was found unhealthy had to be ended: to whoever waits that is a crash.
    const happening = kind === 'unhealthy' ? 'crashed' : kind;
    if (happening !== 'slept' && happening !== 'woken' && happening !== 'crashed') return;
    const before = this.#states.get(project);
    if (happening === 'woken') this.#noteCause(project, at, before?.slept ?? false);
    if (!before && happening === 'woken') return;
    const { state, report } = noteHappening(before ?? steady, happening, at);
    this.#states.set(project, state);
    if (report) this.#tell(project, report);
  }

  #noteCause(project: string, at: number, slept: boolean): void {
    const cause = this.#latest.get(project);
    this.#latest.delete(project);
    if (!cause || !slept) return;
    const recent = (this.#causes.get(project) ?? []).filter((known) => at - known.at < FLAPPING_WINDOW_MS);
    this.#causes.set(project, [...recent, { ...cause, at }].slice(-CAUSES_MAX));
  }

  #tell(project: string, { wakes, crashes }: FlappingReport): void {
    const idleMs = this.#listener.idleTimeoutMs(project);
    const within = formatDuration(FLAPPING_WINDOW_MS);
    const isCrashing = crashes > 0;
    const causes = this.#causes.get(project) ?? [];
    const paths = mostOf(causes.map(({ path }) => path));
    const userAgents = mostOf(causes.map(({ userAgent }) => userAgent).filter((text) => text !== ''));
    const what = isCrashing
      ? `crashed ${times(crashes)}${wakes > 0 ? ` and woke up ${times(wakes)}` : ''}`
      : `went to sleep and woke up ${times(wakes)}`;
    const text = `${project} ${what} within ${within}; ${isCrashing ? afterCrashes : afterWakes(idleMs, paths, userAgents)}`;
    const idleTimeout = idleMs === null ? 'never' : formatDuration(idleMs);
    const limits = { window_ms: FLAPPING_WINDOW_MS, idle_timeout: idleTimeout };
    const details = { wakes, crashes, ...limits, paths, user_agents: userAgents };
    this.#listener.onFlapping(project, text, details);
  }
}

const afterCrashes = 'see the lines that it wrote before in its events "crashed" and "unhealthy"';

function afterWakes(idleMs: number | null, paths: readonly Count[], userAgents: readonly Count[]): string {
  const idle = idleMs === null ? '' : ` (now ${formatDuration(idleMs)})`;
  const most = [...paths.slice(0, 1), ...userAgents.slice(0, 1)].map(
    ({ text, count }) => `${text} (${times(count)})`,
  );
  const who = most.length === 0 ? '' : `, here most often ${most.join(' by ')}`;
  return `a longer idle_timeout${idle} keeps it awake in between, and quiet_rules keep monitors and bots from waking it${who}`;
}

/** The most frequent ones, most often first. */
function mostOf(texts: readonly string[]): readonly Count[] {
  const counts = [...Map.groupBy(texts, (text) => text)].map(([text, all]) => ({ text, count: all.length }));
  return counts.sort((a, b) => b.count - a.count).slice(0, MOST_SHOWN);
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
