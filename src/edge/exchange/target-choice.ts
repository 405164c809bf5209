/** Where an exchange goes, and what may be sent a second time. Pure but for the slot that a choice takes on the board. */
import { chooseTarget } from '../balancing/least-loaded.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import type { TargetSide, UpstreamBreak } from '../upstream/target-side.ts';
import type { EdgeCore } from './edge-core.ts';
import type { ServiceDesk } from './service-desk.ts';
import type { RequestShare } from './target-sharing.ts';

/** The target that admits the exchange, counted on its row. `full`: those that could have no free slot. */
export function pickTarget(
  core: EdgeCore,
  desk: ServiceDesk,
  route: ServiceRoute,
  refusedIds: readonly string[],
  share: RequestShare | null,
): TargetRoute | 'full' | 'none' {
  if (share !== null) {
    if (share.kept !== null && tryKept(core, desk, route, share.kept, refusedIds)) return share.kept;
    // Where its group has nobody who could answer, a request is not lost for the sake of a percentage.
    const ofGroup = share.group === null ? 'none' : pickAmong(core, desk, route, share.group, refusedIds);
    if (ofGroup !== 'none') return ofGroup;
  }
  return pickAmong(core, desk, route, route.targets, refusedIds);
}

function tryKept(
  { column, table }: EdgeCore,
  desk: ServiceDesk,
  { targets, targetConcurrency }: ServiceRoute,
  kept: TargetRoute,
  refusedIds: readonly string[],
): boolean {
  if (refusedIds.includes(kept.id) || desk.ejection.ejectedIds.includes(kept.id)) return false;
  // The route may have changed while the request was held.
  if (!targets.some(({ row, state }) => row === kept.row && state === 'ready')) return false;
  return column.tryEnterLimited(kept.row, table.generation, targetConcurrency) === 'entered';
}

function pickAmong(
  { column, table }: EdgeCore,
  desk: ServiceDesk,
  { targetConcurrency }: ServiceRoute,
  targets: readonly TargetRoute[],
  refusedIds: readonly string[],
): TargetRoute | 'full' | 'none' {
  const { ejectedIds } = desk.ejection;
  let passedOver = refusedIds;
  let isFull = false;
  for (;;) {
    const target = chooseTarget(targets, column, passedOver, ejectedIds);
    // An ejected one does not help out for those that are merely full.
    if (target === null || (isFull && ejectedIds.includes(target.id))) return isFull ? 'full' : 'none';
    const entry = column.tryEnterLimited(target.row, table.generation, targetConcurrency);
    if (entry === 'entered') return target;
    if (entry === 'full') isFull = true;
    passedOver = [...passedOver, target.id];
  }
}

/** RFC 9110 §9.2.2. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'PUT':
    case 'DELETE':
    case 'TRACE':
      return true;
    default:
      return false;
  }
}

/**
 * RFC 9112 §9.3.1: only what may be done twice, on a kept connection that closed as we began to use it; and what the
 * target has not looked at (RFC 9113 §8.7). A body has been passed on already.
 */
export function mayGoAgain(connection: TargetSide, why: UpstreamBreak, head: RequestHead): boolean {
  if (head.hasBody || connection.hasAnswerBytes) return false;
  if (why.kind === 'unprocessed') return true;
  return why.kind === 'closed' && connection.useCount > 0 && isIdempotent(head.method);
}

/** A kept connection may close for being idle; a new one that closes without a word is the target's doing. */
export function isTargetsFault(connection: TargetSide, why: UpstreamBreak): boolean {
  return why.kind === 'closed' && connection.useCount === 0 && !connection.hasAnswerBytes;
}
