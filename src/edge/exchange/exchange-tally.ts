/** What is told of one exchange when it is over, to the counts and to the access log. Owned by the exchange. */
import type { RequestHead } from '../http1/request-head.ts';
import { isUnderAny } from '../routing/route-table.ts';
import { accessLine } from './access-line.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import type { Placement } from './placement.ts';
import { requestRecord } from './request-record.ts';
import type { ServiceCounts } from './service-counts.ts';

export class ExchangeTally {
  /** As the client got it; 0: none yet. */
  status = 0;
  /** The code of what went wrong; null: nothing. */
  error: string | null = null;
  /** How long it was held for a wake; 0: it was not. */
  wakeMs = 0;
  /** Empty: nobody has asked for it yet. */
  requestId = '';
  bytesIn = 0;
  bytesOut = 0;
  readonly #core: EdgeCore;
  readonly #beganAtMs: number;

  constructor(core: EdgeCore) {
    this.#core = core;
    this.#beganAtMs = core.clock.monotonic();
  }

  tell(counts: ServiceCounts, client: ClientSide, head: RequestHead, placement: Placement): void {
    const { clock, accessLog } = this.#core;
    const durationMs = clock.monotonic() - this.#beganAtMs;
    this.bytesIn += client.relaySocket?.relayedInBytes ?? 0;
    this.bytesOut += client.relaySocket?.relayedOutBytes ?? 0;
    const { route, target, isQuiet } = placement;
    if (!isUnderAny(head.path, route.excludeMetricsPaths)) this.#count(counts, head.method, durationMs);
    if (accessLog === null) return;
    const { status, error, wakeMs, requestId, bytesIn, bytesOut } = this;
    accessLog.append(
      accessLine({
        ...requestRecord(clock.now(), client, head, route.clientIpHeader),
        service: route.name,
        target: target?.id ?? null,
        wakeMs,
        requestId,
        isQuiet,
        status,
        error,
        bytesIn,
        bytesOut,
        durationMs,
      }),
    );
  }

  #count(counts: ServiceCounts, method: string, durationMs: number): void {
    counts.exchange(method, this.status, this.status === 101 ? null : durationMs);
    if (this.bytesIn > 0) counts.add('bytes in', this.bytesIn);
    if (this.bytesOut > 0) counts.add('bytes out', this.bytesOut);
    if (this.error !== null) counts.failed(this.error);
  }
}
