/** Durations as people write them: `500ms`, `20s`, `1h30m`, `1.5s`. A bare number is refused: it has no unit. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const unitsMs: Readonly<Record<string, number>> = {
  d: DAY_MS,
  h: HOUR_MS,
  m: MINUTE_MS,
  s: SECOND_MS,
  ms: 1,
};

/** The longest duration that can be written; longer ones are mistakes, and timers would overflow. */
export const DURATION_MAX_MS = 10_000 * DAY_MS;

const partPattern = /(\d{1,15}(?:\.\d{1,9})?)(ms|d|h|m|s)/gy;

/** Milliseconds, or null when the text is no duration. Units go from large to small, each at most once. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  let totalMs = 0;
  let lastUnitMs = Number.POSITIVE_INFINITY;
  let position = 0;
  while (position < text.length) {
    partPattern.lastIndex = position;
    const [part = '', amount = '', unit = ''] = partPattern.exec(text) ?? [];
    const unitMs = unitsMs[unit];
    if (unitMs === undefined || unitMs >= lastUnitMs) return null;
    totalMs += Number(amount) * unitMs;
    lastUnitMs = unitMs;
    position += part.length;
  }
  return position === 0 ? null : wholeMilliseconds(totalMs);
}

/** The shortest exact form that `parseDuration` reads back: `1h30m`, `1.5s`, `340ms`, `0s`. */
export function formatDuration(durationMs: number): string {
  const totalMs = Math.max(0, Math.round(durationMs));
  if (totalMs === 0) return '0s';
  if (totalMs < SECOND_MS) return `${totalMs}ms`;
  const days = Math.floor(totalMs / DAY_MS);
  const hours = Math.floor((totalMs % DAY_MS) / HOUR_MS);
  const minutes = Math.floor((totalMs % HOUR_MS) / MINUTE_MS);
  const seconds = (totalMs % MINUTE_MS) / SECOND_MS;
  return [days && `${days}d`, hours && `${hours}h`, minutes && `${minutes}m`, seconds && `${seconds}s`]
    .filter((part) => part !== 0)
    .join('');
}

/** `0.3s` is 300 although 0.3 * 1000 may not be; `0.0001s` is finer than we measure and refused. */
function wholeMilliseconds(totalMs: number): number | null {
  const rounded = Math.round(totalMs);
  return Math.abs(totalMs - rounded) < 1e-3 && rounded <= DURATION_MAX_MS ? rounded : null;
}
