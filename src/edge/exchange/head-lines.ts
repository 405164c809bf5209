/** The lines that the edge itself adds to heads: to a request on its way to its target, to an answer on its way back. */
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import { authorityOf } from '../upstream/target-probe.ts';
import type { RequestOrigin } from './client-address.ts';
import type { EdgeCore } from './edge-core.ts';
import { appendedLines } from './forwarding-lines.ts';

/** Whole lines, the same for the same client and host: what was written last is then used again. */
export function linesForTarget(
  head: RequestHead,
  target: TargetRoute,
  origin: RequestOrigin,
  forwardHeaders: boolean,
): string {
  const lines = forwardHeaders ? appendedLines(head.fields, origin) : origin.lines;
  if (head.hasHostLine) return lines;
  // For requests that came without one (HTTP/1.0): of what they asked for, or of the target itself.
  return `Host: ${head.host?.text ?? authorityOf(target)}\r\n${lines}`;
}

/** Whole lines. `wakeMs`: how long the request was held for a wake; 0: it was not. */
export function linesForClient(core: EdgeCore, head: ResponseHead, wakeMs: number, hstsLine: string): string {
  // RFC 9110 §6.6.1; a 101 needs none.
  const dateLine = (head.hasDate || head.status === 101 ? '' : core.date.line()) + hstsLine;
  if (wakeMs === 0) return dateLine;
  return `${dateLine}X-Luma-Cold-Start: 1\r\nServer-Timing: wake;dur=${wakeMs.toFixed(1)}\r\n`;
}

/** A whole line or nothing. `head`: of the app's answer, whose own word counts; null: it is the edge that answers. */
export function hstsLineFor({ tls }: ServiceRoute, head: ResponseHead | null, origin: RequestOrigin): string {
  // RFC 6797 §7.2: over HTTPS alone.
  if (tls === null || tls.hstsSeconds === 0 || origin.proto !== 'https') return '';
  if (head?.fields.first('strict-transport-security') !== undefined) return '';
  return `Strict-Transport-Security: max-age=${tls.hstsSeconds}\r\n`;
}
