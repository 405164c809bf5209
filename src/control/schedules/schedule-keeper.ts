/**
 * Follows the calendar for all projects that have schedules, with one timer; without schedules there is none. Owns what is open
 * now and when each project was looked at last.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Schedule } from '../../domain/keeping.ts';
import { agendaAt, type ReadSchedule, readSchedules } from './agenda.ts';
import { LOOK_EVERY_MAX_MS, WAKE_UP_LATE_MAX_MS } from './limits.ts';

export interface ScheduleListener {
  /** The end of its window is another: one has opened, goes on for longer, or has closed (null). */
  onWindow(project: string, until: number | null): void;
  /** False: it cannot be woken yet, and is tried again while that makes sense. */
  onWakeUp(project: string): boolean;
}

interface Followed {
  readonly text: string;
  readonly schedules: readonly ReadSchedule[];
  lookedAt: number;
  openUntil: number | null;
  nextAt: number | null;
}

export class ScheduleKeeper {
  readonly #clock: Clock;
  readonly #listener: ScheduleListener;
  readonly #followed = new Map<string, Followed>();
  #timer: Timer | null = null;
  #isOpen = false;

  constructor(clock: Clock, listener: ScheduleListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** From now on the calendar counts. */
  open(): void {
    this.#isOpen = true;
    this.#look();
  }

  /** The schedules of a project, as they are now. `isNew`: what came before they were set is not theirs. */
  follow(project: string, schedules: readonly Schedule[], isNew: boolean): void {
    const text = JSON.stringify(schedules);
    const before = this.#followed.get(project);
    if (before ? before.text === text : schedules.length === 0) return;
    if (schedules.length === 0) this.#followed.delete(project);
    else {
      const lookedAt = this.#clock.now() - (isNew ? 0 : WAKE_UP_LATE_MAX_MS);
      const openUntil = before?.openUntil ?? null;
      const read = readSchedules(schedules);
      this.#followed.set(project, { text, schedules: read, lookedAt, openUntil, nextAt: null });
    }
    if (schedules.length === 0 && before?.openUntil != null) this.#listener.onWindow(project, null);
    if (this.#isOpen) this.#look();
  }

  forget(project: string): void {
    if (this.#followed.delete(project) && this.#isOpen) this.#arm();
  }

  /** The end of the window that is open now. */
  openUntil(project: string): number | null {
    return this.#followed.get(project)?.openUntil ?? null;
  }

  /** Of any of its schedules: when something begins or ends. */
  nextAt(project: string): number | null {
    return this.#followed.get(project)?.nextAt ?? null;
  }

  close(): void {
    this.#isOpen = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #look(): void {
    for (const [project, followed] of this.#followed) this.#lookAt(project, followed);
    this.#arm();
  }

  #lookAt(project: string, followed: Followed): void {
    const now = this.#clock.now();
    // Nothing has come, and the clock was not set back.
    if (followed.nextAt !== null && now < followed.nextAt && now >= followed.lookedAt) return;
    const { openUntil, wakesNow, nextAt } = agendaAt(followed.schedules, now, followed.lookedAt);
    const isOther = openUntil !== followed.openUntil;
    followed.openUntil = openUntil;
    if (isOther) this.#listener.onWindow(project, openUntil);
    const isLeftOut = wakesNow && !this.#listener.onWakeUp(project);
    followed.nextAt = isLeftOut ? now : nextAt;
    if (!isLeftOut) followed.lookedAt = now;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#isOpen || this.#followed.size === 0) return;
    const now = this.#clock.now();
    let dueInMs = LOOK_EVERY_MAX_MS;
    for (const { nextAt } of this.#followed.values()) {
      // What could not be done is tried again with the next look, not at once.
      if (nextAt !== null && nextAt > now) dueInMs = Math.min(dueInMs, nextAt - now);
    }
    this.#timer = this.#clock.after(dueInMs, () => this.#look());
  }
}
