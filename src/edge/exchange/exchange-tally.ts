/** What is told of one exchange when it is over, to the counts and to the access log. Owned by the exchange. */
import type { RequestHead } from '../http1/request-head.ts';
import { accessLine } from './access-line.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import { requestRecord } from './request-record.ts';
import type { ServiceCounts } from './service-counts.ts';

/** What the exchange itself knows of it. */
export interface ExchangeEnd {
  readonly serviceName: string;
  readonly targetId: string | null;
  readonly wakeMs: number;
  readonly requestId: string;
  readonly isQuiet: boolean;
  readonly isUncounted: boolean;
  readonly clientIpHeader: string | null;
}

export class ExchangeTally {
  /** As the client got it; 0: none yet. */
  status = 0;
  /** The code of what went wrong; null: nothing. */
  error: string | null = null;
  bytesIn = 0;
  bytesOut = 0;
  readonly #core: EdgeCore;
  readonly #beganAtMs: number;

  constructor(core: EdgeCore) {
    this.#core = core;
    this.#beganAtMs = core.clock.monotonic();
  }

  tell(counts: ServiceCounts, client: ClientSide, head: RequestHead, end: ExchangeEnd): void {
    const { clock, accessLog } = this.#core;
    const durationMs = clock.monotonic() - this.#beganAtMs;
    this.bytesIn += client.relaySocket?.relayedInBytes ?? 0;
    this.bytesOut += client.relaySocket?.relayedOutBytes ?? 0;
    if (!end.isUncounted) this.#count(counts, head.method, durationMs);
    if (accessLog === null) return;
    const { status, error, bytesIn, bytesOut } = this;
    accessLog.append(
      accessLine({
        ...requestRecord(clock.now(), client, head, end.clientIpHeader),
        service: end.serviceName,
        target: end.targetId,
        wakeMs: end.wakeMs,
        requestId: end.requestId,
        isQuiet: end.isQuiet,
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
