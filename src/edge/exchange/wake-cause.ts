/** What a request that wakes a service tells of itself: enough to see who keeps waking it, and no more. Pure. */
import type { RequestHead } from '../http1/request-head.ts';

export interface WakeCause {
  /** Without its query, which may hold secrets. */
  readonly path: string;
  readonly userAgent: string;
}

export const CAUSE_CHARACTERS_MAX = 200;

export function wakeCauseOf({ target, fields }: Pick<RequestHead, 'target' | 'fields'>): WakeCause {
  const end = target.indexOf('?');
  return {
    path: (end < 0 ? target : target.slice(0, end)).slice(0, CAUSE_CHARACTERS_MAX),
    userAgent: (fields.first('user-agent') ?? '').slice(0, CAUSE_CHARACTERS_MAX),
  };
}
