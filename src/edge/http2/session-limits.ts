/** The bounds of one connection by name; its owner says how much each is. No state. */
import type { BudgetLimits } from './frame-budget.ts';

export interface SessionLimits {
  /** Streams that the peer may have open at once; beyond: refused. */
  readonly streamsMax: number;
  /** Bytes of a header block, and of the list of fields it stands for. */
  readonly headBytesMax: number;
  /** Bytes that a peer may send of a stream before anybody has asked for them. */
  readonly streamWindowBytes: number;
  /** The same of all streams of a connection together. */
  readonly connectionWindowBytes: number;
  /** Frames that carry nothing; beyond: the connection is cut. */
  readonly controlFrames: BudgetLimits;
  /** Streams that end by RST_STREAM, the peer's or the one it provokes; beyond: the connection is cut. */
  readonly resets: BudgetLimits;
  /** Unsent bytes at which a peer that asks for replies is cut. */
  readonly replyBacklogBytesMax: number;
}
