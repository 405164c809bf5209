/** Durations within a range, with an answer that shows how to write one. */
import { formatDuration, parseDuration } from '../../base/duration.ts';
import { problem, type TextRule } from './rule.ts';

export function isDurationWithin(minMs: number, maxMs: number, word?: string): TextRule {
  const orWord = word === undefined ? '' : `, or "${word}"`;
  return (text) => {
    if (text === word) return null;
    const durationMs = parseDuration(text);
    if (durationMs === null) {
      return problem('not_a_duration', `must be a duration such as 500ms, 20s, 5m or 1h30m${orWord}`);
    }
    if (durationMs >= minMs && durationMs <= maxMs) return null;
    const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
    return problem('out_of_range', `must be ${range}${orWord}`);
  };
}
