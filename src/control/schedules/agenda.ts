/** What a project's schedules say at a moment: until when it is kept awake, whether it is to be woken, when to look again. Pure. */
import { type CronMoments, readCron } from '../../base/cron.ts';
import type { Schedule } from '../../domain/keeping.ts';
import { WAKE_UP_LATE_MAX_MS } from './limits.ts';

export interface Agenda {
  /** The end of the window that is open; the latest, where several are. Null: none is. */
  readonly openUntil: number | null;
  /** A wake-up has come since the last look, and is not too old. */
  readonly wakesNow: boolean;
  /** When this can be different: the next beginning or end. Null: never. */
  readonly nextAt: number | null;
}

export interface ReadSchedule {
  readonly moments: CronMoments;
  readonly keepAwakeMs: number | null;
}

export function readSchedules(schedules: readonly Schedule[]): readonly ReadSchedule[] {
  return schedules.flatMap(({ cron, timeZone, keepAwakeMs }) => {
    const reading = readCron(cron, timeZone);
    // Checked when it was set; a time zone can vanish from the system since.
    return reading.kind === 'moments' ? [{ moments: reading.moments, keepAwakeMs }] : [];
  });
}

/** `lookedAt`: the moment of the last look; what came before it has been dealt with. */
export function agendaAt(schedules: readonly ReadSchedule[], now: number, lookedAt: number): Agenda {
  let openUntil: number | null = null;
  let wakesNow = false;
  let nextAt: number | null = null;
  const lookAgainAt = (at: number | null): void => {
    if (at !== null && (nextAt === null || at < nextAt)) nextAt = at;
  };
  for (const { moments, keepAwakeMs } of schedules) {
    const latest = moments.latest(now);
    lookAgainAt(moments.next(now));
    if (latest === null) continue;
    if (keepAwakeMs === null) {
      wakesNow ||= latest > lookedAt && now - latest < WAKE_UP_LATE_MAX_MS;
      continue;
    }
    // Of windows that overlap, the one that began last ends last: all are equally long.
    const until = latest + keepAwakeMs;
    if (until <= now) continue;
    lookAgainAt(until);
    openUntil = Math.max(openUntil ?? until, until);
  }
  return { openUntil, wakesNow, nextAt };
}
