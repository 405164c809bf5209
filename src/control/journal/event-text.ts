/** Events as sentences. */
import type { ProjectEventKind } from '../../domain/project-event.ts';

export interface EventFacts {
  readonly revision: number | null;
  readonly durationMs: number | null;
  readonly idleMs: number | null;
  /** What went wrong, without a full stop. */
  readonly reason: string | null;
}

export function eventText(kind: ProjectEventKind, project: string, facts: EventFacts): string {
  const { revision, durationMs, idleMs, reason } = facts;
  const took = durationMs === null ? '' : ` in ${duration(durationMs)}`;
  const why = reason === null ? '' : `: ${reason}`;
  const number = revision === null ? 'The new revision' : `Revision ${revision}`;
  switch (kind) {
    case 'created':
      return `${project} was registered.`;
    case 'updated':
      return `The settings of ${project} were changed.`;
    case 'traffic_changed':
      return `The requests of ${project} are shared out anew${why}.`;
    case 'rolled_back':
      return `${project} goes back to ${reason ?? 'an earlier revision'}.`;
    case 'deleted':
      return `${project} was deleted.`;
    case 'preparing':
      return sentence(reason ?? `${project} is being prepared`);
    case 'prepared':
      return `${number} of ${project} is prepared; a wake is only a start.`;
    case 'prepare_failed':
      return `${project} could not be prepared${why}.`;
    case 'starting':
      return `${project} is starting.`;
    case 'woken':
      return `${project} answers${took === '' ? '' : `, woken${took}`}.`;
    case 'wake_failed':
      return `${project} could not be woken${why}.`;
    case 'sleeping':
      return `${project} goes to sleep${idleMs === null ? '' : ` after ${duration(idleMs)} without requests`}.`;
    case 'frozen':
      return `${project} is frozen; the next request resumes it.`;
    case 'slept':
      return `${project} sleeps; it stopped${took}.`;
    case 'stopped':
      return `${project} is stopped until it is started again.`;
    case 'started':
      return `${project} may run again; the next request wakes it.`;
    case 'switched':
      return `${number} of ${project} has taken over.`;
    case 'switch_failed':
      return `${number} of ${project} did not start, the one before goes on${why}.`;
    case 'scaled':
      return `${project} ${reason ?? 'has another number of instances'}.`;
    case 'scale_failed':
      return `A further instance of ${project} did not start, the others go on${why}.`;
    case 'unhealthy':
      return `${project} is not healthy and is replaced${why}.`;
    case 'not_ready':
      return `An instance of ${project} is not ready and gets no new requests${why}.`;
    case 'ready_again':
      return `An instance of ${project} is ready again.`;
    case 'crashed':
      return `${project} ended by itself${why}.`;
    case 'window_opened':
      return `${project} is kept awake by its schedule${reason === null ? '' : ` until ${reason}`}.`;
    case 'window_closed':
      return `The schedule of ${project} no longer keeps it awake.`;
    case 'flapping':
      return `${reason ?? `${project} wakes and sleeps too often`}.`;
    case 'adopted':
      return `${project} was found running and goes on.`;
  }
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
