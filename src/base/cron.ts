/** Moments named by a cron expression of five fields, in a time zone with its summer times. Keeps nothing but the expression. */
import { Cron } from 'croner';
import { messageOf } from './errors.ts';

export interface CronMoments {
  /** The latest one that is not after `atMs`; null: there was none. Milliseconds since the Unix epoch. */
  latest(atMs: number): number | null;
  /** The first one after `atMs`; null: there will be none. */
  next(atMs: number): number | null;
}

export type CronReading =
  | { readonly kind: 'moments'; readonly moments: CronMoments }
  | { readonly kind: 'rejected'; readonly reason: string };

/** `timeZone: null`: this machine's. */
export function readCron(expression: string, timeZone: string | null): CronReading {
  const words = expression.trim().split(/\s+/);
  // The library also takes dates and nicknames: those would be a second way to write the same.
  if (words.length !== 5) {
    return rejected('must have five fields: minute, hour, day of the month, month, day of the week');
  }
  try {
    const options = {
      paused: true,
      mode: '5-part' as const,
      ...(timeZone === null ? {} : { timezone: timeZone }),
    };
    const cron = new Cron(words.join(' '), options);
    return { kind: 'moments', moments: momentsOf(cron) };
  } catch (error) {
    return rejected(messageOf(error).replace(/^CronPattern: /, ''));
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Of this machine. */
export function localTimeZone(): string {
  return new Intl.DateTimeFormat('en').resolvedOptions().timeZone;
}

function momentsOf(cron: Cron): CronMoments {
  return {
    // The library's runs before a moment leave out that moment itself.
    latest: (atMs) => cron.previousRuns(1, new Date(atMs + 1))[0]?.getTime() ?? null,
    next: (atMs) => cron.nextRun(new Date(atMs))?.getTime() ?? null,
  };
}

function rejected(reason: string): CronReading {
  return { kind: 'rejected', reason };
}
