import { describe, expect, test } from 'bun:test';
import { FLOOD_BYTES, LOOK_BUSY_MS, LOOK_FLOOD_MS, LOOK_MS, LOOK_QUIET_MS } from './limits.ts';
import { type Looked, pauseAfter } from './look-pace.ts';

const quiet: Looked = { addedBytes: 0, pauseMs: LOOK_BUSY_MS, isFollowed: false };

/** So many looks that find the same. */
function pauses(looked: Looked, count: number): number[] {
  const found: number[] = [];
  for (let pauseMs = looked.pauseMs; found.length < count; found.push(pauseMs))
    pauseMs = pauseAfter({ ...looked, pauseMs });
  return found;
}

describe('the pause after a look', () => {
  test('grows while nothing is written, up to a second', () => {
    expect(pauses(quiet, 5)).toEqual([LOOK_MS, 2 * LOOK_MS, LOOK_QUIET_MS, LOOK_QUIET_MS, LOOK_QUIET_MS]);
  });

  test('is short again after a single byte, and shortest in a flood', () => {
    expect(pauseAfter({ ...quiet, pauseMs: LOOK_QUIET_MS, addedBytes: 1 })).toBe(LOOK_BUSY_MS);
    expect(pauseAfter({ ...quiet, addedBytes: FLOOD_BYTES })).toBe(LOOK_BUSY_MS);
    expect(pauseAfter({ ...quiet, addedBytes: FLOOD_BYTES + 1 })).toBe(LOOK_FLOOD_MS);
  });

  test('stays short while somebody follows', () => {
    expect(pauses({ ...quiet, isFollowed: true }, 3)).toEqual([LOOK_BUSY_MS, LOOK_BUSY_MS, LOOK_BUSY_MS]);
  });
});
