/** Turns the machine's records into events: adds the times that only the runner knows. */
import type { Clock } from '../../base/clock.ts';
import type { ProjectEventKind } from '../../domain/project-event.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceFacts } from '../instances/instance-facts.ts';
import { eventText } from '../journal/event-text.ts';
import type { Journal } from '../journal/journal.ts';

/** What a person or the calendar says of a project as a whole. */
const OF_PROJECTS: readonly ProjectEventKind[] = ['stopped', 'started', 'window_opened', 'window_closed'];

export class ProjectChronicle {
  readonly #project: string;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #isLane: boolean;
  #wakeBeganMs: number | null = null;
  #heldMax = 0;

  /** `isLane`: what a person asks of the project is told once, by its own service. */
  constructor(project: string, journal: Journal, clock: Clock, isLane = false) {
    this.#isLane = isLane;
    this.#project = project;
    this.#journal = journal;
    this.#clock = clock;
  }

  /** `held`: at least so many wait; the exact number comes with the next report. */
  onWakeBegan(held: number): void {
    if (this.#wakeBeganMs === null) this.#journal.pause();
    this.#wakeBeganMs ??= this.#clock.monotonic();
    this.onHeld(held);
  }

  onWakeEnded(): void {
    if (this.#wakeBeganMs !== null) this.#journal.resume();
    this.#wakeBeganMs = null;
    this.#heldMax = 0;
  }

  onHeld(held: number): void {
    if (this.#wakeBeganMs !== null) this.#heldMax = Math.max(this.#heldMax, held);
  }

  record(
    kind: ProjectEventKind,
    about: {
      facts?: InstanceFacts | null;
      failure?: StartFailure | null;
      idleMs?: number | null;
      fromRevision?: number | null;
      text?: string;
      /** Beside those of the kind. */
      details?: Readonly<Record<string, unknown>>;
    } = {},
  ): void {
    if (this.#isLane && OF_PROJECTS.includes(kind)) return;
    const { facts = null, failure = null, idleMs = null } = about;
    const durationMs = this.#durationOf(kind, facts);
    const message = eventText(kind, this.#project, {
      revision: facts?.revision ?? null,
      durationMs,
      idleMs,
      reason: about.text ?? failure?.message ?? null,
    });
    const details = {
      ...this.#detailsOf(kind, facts, durationMs),
      ...detailsOfFailure(kind, failure, facts),
      ...about.details,
    };
    if (kind === 'sleeping') details['idle_ms'] = tenths(idleMs);
    if (kind === 'switched' || kind === 'switch_failed') details['from'] = about.fromRevision ?? null;
    this.#journal.append({ project: this.#project, kind, at: this.#clock.now(), message, details });
  }

  #durationOf(kind: ProjectEventKind, facts: InstanceFacts | null): number | null {
    if (kind === 'slept' || kind === 'stopped') return facts?.stopTookMs ?? null;
    if (kind !== 'woken' || this.#wakeBeganMs === null) return null;
    return this.#clock.monotonic() - this.#wakeBeganMs;
  }

  #detailsOf(
    kind: ProjectEventKind,
    facts: InstanceFacts | null,
    durationMs: number | null,
  ): Record<string, unknown> {
    if (kind === 'woken') {
      const startMs = facts?.startTookMs ?? null;
      const sinceStartMs = facts?.startBeganMs == null ? null : this.#clock.monotonic() - facts.startBeganMs;
      const answerMs = sinceStartMs === null || startMs === null ? null : sinceStartMs - startMs;
      const phases = { start_ms: tenths(startMs), answer_ms: tenths(answerMs) };
      return {
        duration_ms: tenths(durationMs),
        phases,
        held: this.#heldMax,
        revision: facts?.revision ?? null,
      };
    }
    if (kind === 'slept' || kind === 'stopped') {
      return { duration_ms: tenths(durationMs), exit_code: facts?.exit?.code ?? null };
    }
    if (kind === 'switched' || kind === 'switch_failed') return { to: facts?.revision ?? null };
    return facts ? { revision: facts.revision } : {};
  }
}

function detailsOfFailure(
  kind: ProjectEventKind,
  failure: StartFailure | null,
  facts: InstanceFacts | null,
): Record<string, unknown> {
  if (!failure) return {};
  const details = { code: failure.code, log_lines: failure.logLines };
  return kind === 'crashed' ? { ...details, exit_code: facts?.exit?.code ?? null } : details;
}

/** What a person compares needs no more digits. */
function tenths(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}
