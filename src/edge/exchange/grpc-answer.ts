/** Answers of our own to gRPC clients, which read fields and no bodies (gRPC over HTTP/2, "Trailers-Only"). Pure. */
import type { RequestHead } from '../http1/request-head.ts';
import type { OwnAnswer } from './own-answer.ts';

const UNKNOWN = 2;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/** gRPC itself; gRPC-Web is for HTTP/1.1, too. */
const GRPC = /^application\/grpc(?:$|[+;])/i;

export function isGrpc(head: RequestHead): boolean {
  return head.method === 'POST' && GRPC.test(head.fields.first('content-type') ?? '');
}

/** The status of HTTP is 200: what went wrong is said by gRPC's. Whole lines. */
export function grpcLines(answer: OwnAnswer): string {
  const kept = answer.lines.replace(/^Content-(?:Type|Length):[^\r]*\r\n/gim, '');
  return (
    `content-type: application/grpc\r\n${kept}grpc-status: ${grpcStatus(answer.status)}\r\n` +
    `grpc-message: ${encodeURI(answer.message)}\r\n`
  );
}

/** As clients translate the status of an HTTP answer without one of gRPC's. */
function grpcStatus(status: number): number {
  switch (status) {
    case 400:
      return INTERNAL;
    case 404:
    case 405:
    case 501:
      return UNIMPLEMENTED;
    case 413:
    case 431:
      return RESOURCE_EXHAUSTED;
    case 408:
    case 502:
    case 503:
    case 504:
      return UNAVAILABLE;
    default:
      return UNKNOWN;
  }
}
