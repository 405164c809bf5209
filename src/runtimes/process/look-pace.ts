/** How long an instance is left alone after a look: the faster it writes the shorter, the longer it is quiet the longer. Pure. */
import { FLOOD_BYTES, LOOK_BUSY_MS, LOOK_FLOOD_MS, LOOK_MS, LOOK_QUIET_MS } from './limits.ts';

export interface Looked {
  /** Since the look before, which was `pauseMs` ago. */
  readonly addedBytes: number;
  readonly pauseMs: number;
  readonly isFollowed: boolean;
  /** Its end is told by the kernel; that of one that was adopted shows at a look alone. */
  readonly isEndHeard: boolean;
}

/** 50 ms after some output, then, while nothing more comes, 250, 500 and 1,000 ms. */
export function pauseAfter({ addedBytes, pauseMs, isFollowed, isEndHeard }: Looked): number {
  if (addedBytes > FLOOD_BYTES) return LOOK_FLOOD_MS;
  if (addedBytes > 0 || isFollowed) return LOOK_BUSY_MS;
  if (pauseMs < LOOK_MS || !isEndHeard) return LOOK_MS;
  return Math.min(LOOK_QUIET_MS, pauseMs * 2);
}
