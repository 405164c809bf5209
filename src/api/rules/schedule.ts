/** Cron expressions and time zones, with an answer that says what is wrong with one. */
import { isTimeZone, readCron } from '../../base/cron.ts';
import { problem, type TextRule } from './rule.ts';

/** The calendar repeats itself after 400 years; what has no moment after any date has none at all. */
const ANY_MOMENT = 0;

export const isCron: TextRule = (text) => {
  const reading = readCron(text, 'UTC');
  if (reading.kind === 'rejected') return problem('not_a_cron', `is no cron expression: ${reading.reason}`);
  if (reading.moments.next(ANY_MOMENT) !== null) return null;
  return problem('never_comes', 'names no moment: there is no such date');
};

export const isKnownTimeZone: TextRule = (text) =>
  isTimeZone(text)
    ? null
    : problem('not_a_time_zone', 'must be a time zone that this machine knows, such as Europe/Berlin or UTC');
