/** What counts and access log are told of a request itself, whatever became of it. No state. */
import type { RequestHead } from '../http1/request-head.ts';
import { type AccessRecord, accessLine } from './access-line.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import type { Failure } from './failure.ts';

type RequestPart = Pick<
  AccessRecord,
  'endedAt' | 'method' | 'host' | 'path' | 'client' | 'protocol' | 'userAgent'
>;

export type RecordedClient = Pick<ClientSide, 'remoteAddress' | 'origin' | 'protocolOf'>;

/** `head` is null where what came was no request. */
export function requestRecord(
  endedAt: number,
  client: RecordedClient,
  head: RequestHead | null,
  ipHeader: string | null = null,
): RequestPart {
  if (head === null) {
    const { remoteAddress } = client;
    return { endedAt, method: '', host: '', path: '', client: remoteAddress, protocol: '', userAgent: '' };
  }
  return {
    endedAt,
    method: head.method,
    host: head.host?.text ?? '',
    path: head.target,
    client: client.origin(head, ipHeader).address,
    protocol: client.protocolOf(head),
    userAgent: head.fields.first('user-agent') ?? '',
  };
}

/** Tells of what never became an exchange of a service. */
export function tellRefused(
  { counts, accessLog, clock }: EdgeCore,
  client: RecordedClient,
  { status, code }: Failure,
  head: RequestHead | null,
  requestId: string,
): void {
  counts.exchange(head?.method ?? '', status, null);
  counts.failed(code);
  if (accessLog === null) return;
  const record = requestRecord(clock.now(), client, head);
  accessLog.append(accessLine({ ...NO_EXCHANGE, ...record, status, requestId, error: code }));
}

/** Tells of an answer of the edge's own that is none of a failure. */
export function tellAnswered(
  { counts, accessLog, clock }: EdgeCore,
  client: RecordedClient,
  status: number,
  head: RequestHead,
  requestId: string,
): void {
  counts.exchange(head.method, status, null);
  if (accessLog === null) return;
  const record = requestRecord(clock.now(), client, head);
  accessLog.append(accessLine({ ...NO_EXCHANGE, ...record, status, requestId, error: null }));
}

/** Of what never became an exchange. */
const NO_EXCHANGE: Omit<AccessRecord, keyof RequestPart | 'status' | 'requestId' | 'error'> = {
  service: null,
  target: null,
  bytesIn: 0,
  bytesOut: 0,
  durationMs: 0,
  wakeMs: 0,
  isQuiet: false,
};
