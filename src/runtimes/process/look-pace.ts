/** How long an instance's output is left alone after a look: the faster it writes the shorter, the longer it is quiet the longer. Pure. */
import { FLOOD_BYTES, LOOK_BUSY_MS, LOOK_FLOOD_MS, LOOK_MS, LOOK_QUIET_MS } from './limits.ts';

export interface Looked {
  /** Since the look before, which was `pauseMs` ago. */
  readonly addedBytes: number;
  readonly pauseMs: number;
  readonly isFollowed: boolean;
}

/** 50 ms after some output, then, while nothing more comes, 250, 500 and 1,000 ms. */
export function pauseAfter({ addedBytes, pauseMs, isFollowed }: Looked): number {
  if (addedBytes > FLOOD_BYTES) return LOOK_FLOOD_MS;
  if (addedBytes > 0 || isFollowed) return LOOK_BUSY_MS;
  if (pauseMs < LOOK_MS) return LOOK_MS;
  return Math.min(LOOK_QUIET_MS, pauseMs * 2);
}
