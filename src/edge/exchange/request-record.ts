/** What the access log says of a request itself, whatever became of it. Pure. */
import type { RequestHead } from '../http1/request-head.ts';
import type { AccessRecord } from './access-line.ts';
import type { ClientConnection } from './client-connection.ts';

type RequestPart = Pick<
  AccessRecord,
  'endedAt' | 'method' | 'host' | 'path' | 'client' | 'protocol' | 'userAgent'
>;

/** `head` is null where what came was no request. */
export function requestRecord(
  endedAt: number,
  client: ClientConnection,
  head: RequestHead | null,
): RequestPart {
  if (head === null) {
    const { remoteAddress } = client.socket;
    return { endedAt, method: '', host: '', path: '', client: remoteAddress, protocol: '', userAgent: '' };
  }
  return {
    endedAt,
    method: head.method,
    host: head.host?.text ?? '',
    path: head.target,
    client: client.origin(head).address,
    protocol: head.minor > 0 ? 'HTTP/1.1' : 'HTTP/1.0',
    userAgent: head.fields.first('user-agent') ?? '',
  };
}

/** Of what never became an exchange. */
export const NO_EXCHANGE: Omit<AccessRecord, keyof RequestPart | 'status' | 'requestId' | 'error'> = {
  service: null,
  target: null,
  bytesIn: 0,
  bytesOut: 0,
  durationMs: 0,
  wakeMs: 0,
  isQuiet: false,
};
