/** What may stand behind the `?`. */
import { z } from '@hono/zod-openapi';
import { parseDuration } from '../../base/duration.ts';
import { EVENTS_LISTED_DEFAULT, EVENTS_LISTED_MAX, LOG_TAIL_MAX } from '../limits.ts';
import { problem, type RuleProblem, textThat } from '../rules/rule.ts';

const flag = z
  .enum(['', 'true', '1', 'false', '0'], 'must be true or false')
  .openapi({ description: 'Present, `true` or `1`: yes.' })
  .optional();

const count = (description: string, max: number, min = 0) =>
  textThat((text) => checkCount(text, min, max))
    .openapi({ type: 'integer', minimum: min, maximum: max, description })
    .optional();

export const logsQuerySchema = z.strictObject({
  follow: flag,
  tail: count('Only the last so many lines.', LOG_TAIL_MAX),
  since: textThat(checkSince)
    .openapi({ description: 'Only lines from then on: RFC 3339, or how long ago (`10m`).', example: '10m' })
    .optional(),
  revision: count('Only what instances of that revision wrote.', Number.MAX_SAFE_INTEGER, 1),
});

export const eventsQuerySchema = z.strictObject({
  follow: flag,
  limit: count(`At most so many. Default ${EVENTS_LISTED_DEFAULT}.`, EVENTS_LISTED_MAX, 1),
  after: count('Only events with a greater id, oldest first.', Number.MAX_SAFE_INTEGER),
});

export function isFlagSet(value: string | undefined): boolean {
  return value === '' || value === 'true' || value === '1';
}

/** Milliseconds since the epoch, or null when the text is neither an instant nor a duration. */
export function parseSince(text: string, now: number): number | null {
  const agoMs = parseDuration(text);
  if (agoMs !== null) return now - agoMs;
  return z.iso.datetime({ offset: true }).safeParse(text).success ? Date.parse(text) : null;
}

function checkSince(text: string): RuleProblem | null {
  if (parseSince(text, 0) !== null) return null;
  return problem('not_a_time', 'must be a time such as 2026-01-31T08:00:00Z, or how long ago: 10m');
}

function checkCount(text: string, min: number, max: number): RuleProblem | null {
  if (!/^\d{1,16}$/.test(text)) return problem('wrong_type', 'must be a whole number');
  const value = Number(text);
  return value < min || value > max ? problem('out_of_range', `must be from ${min} to ${max}`) : null;
}
