/**
 * How the daemon reads one row over all columns, one atomic load a step: all in-flight, then all held, then all ends.
 * The order is what makes a fence safe. After the gate is closed, an exchange that had passed is in flight until it has
 * raised `ends`: in-flight read as 0 first means every such end is there to be read afterwards (ends first would
 * miss one that happens in between). A request that turns away counts itself held before it takes its in-flight
 * back: reading held second finds it (held first would miss it both times).
 */
import type { Cells, RowAddresses } from './cells.ts';
import { ENDED_AT, ENDS, HELD, IN_FLIGHT } from './cells.ts';

/** What was read so far. Changed in place by `readingStep`: the daemon reads thousands of rows a second. */
export interface RowReading {
  part: 'in-flight' | 'held' | 'ends' | 'ended-at' | 'done';
  /** The column whose cell is loaded next. */
  column: number;
  inFlight: number;
  held: number;
  ends: number;
  /** Milliseconds since the latest end; null where nothing has ended yet. */
  quietForMs: number | null;
}

/** Stamps of another process may be this far ahead of the reader's cached clock: just ended, not 49 days ago. */
const STAMP_AHEAD_MS_MAX = 60_000;

export function beginReading(): RowReading {
  return { part: 'in-flight', column: 0, inFlight: 0, held: 0, ends: 0, quietForMs: null };
}

export function readingStep(
  reading: RowReading,
  cells: Cells,
  layout: RowAddresses,
  row: number,
  nowMs: number,
): void {
  const at = layout.rowCell(row, reading.column);
  if (reading.part === 'in-flight') {
    reading.inFlight += cells.load(at + IN_FLIGHT);
    onwards(reading, 'held', layout);
  } else if (reading.part === 'held') {
    reading.held += cells.load(at + HELD);
    onwards(reading, 'ends', layout);
  } else if (reading.part === 'ends') {
    reading.ends = (reading.ends + cells.load(at + ENDS)) >>> 0;
    onwards(reading, 'ended-at', layout);
  } else if (reading.part === 'ended-at') {
    reading.quietForMs = shortest(reading.quietForMs, cells.load(at + ENDED_AT), nowMs);
    onwards(reading, 'done', layout);
  }
}

/** Milliseconds from a stamp to now, both modulo 2^32 (49.7 days). */
export function sinceStampMs(nowMs: number, stamp: number): number {
  const sinceMs = (nowMs - stamp) >>> 0;
  return sinceMs > 2 ** 32 - STAMP_AHEAD_MS_MAX ? 0 : sinceMs;
}

function onwards(reading: RowReading, part: RowReading['part'], layout: RowAddresses): void {
  reading.column += 1;
  if (reading.column < layout.columns) return;
  reading.part = part;
  reading.column = 0;
}

function shortest(quietForMs: number | null, stamp: number, nowMs: number): number | null {
  if (stamp === 0) return quietForMs;
  const sinceMs = sinceStampMs(nowMs, stamp);
  return quietForMs === null ? sinceMs : Math.min(quietForMs, sinceMs);
}
