/**
 * The client of an exchange, as the exchange sees it: an HTTP/1.1 connection or one stream of an HTTP/2 connection.
 * Whoever implements it owns how an answer is framed, what waits to be sent, and the deadline; it decides nothing.
 */
import type { FieldSection } from '../http1/field-section.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { StreamSocket } from '../sockets/stream-socket.ts';
import type { RequestOrigin } from './client-address.ts';
import type { OwnAnswer } from './own-answer.ts';

export interface ClientSide {
  /** When the exchange hears `onDeadline`, monotonic milliseconds; Infinity: never. */
  dueMs: number;
  /** The address of the peer's socket; empty once that is gone. */
  readonly remoteAddress: string;
  /** Written and not yet taken by the client. */
  readonly backlogBytes: number;
  /** As the access log says it. */
  protocolOf(head: RequestHead): string;
  /** Who asks, as far as that may be believed. `ipHeader`: of the service, where trusted proxies name the client. */
  origin(head: RequestHead, ipHeader?: string | null): RequestOrigin;
  /** The next deadline, from now. While the client leaves something untaken, only that counts. */
  arm(afterMs: number): void;
  /** For timers of an exchange: what they write leaves at once. */
  asEvent(body: () => void): void;
  /** Offers what has come of the body to the exchange. */
  passBody(): void;
  /** A 1xx other than 101. */
  writeInterim(head: ResponseHead): void;
  /** `mayPersist`: nothing but the answer itself speaks against keeping the connection. */
  beginAnswer(request: RequestHead, head: ResponseHead, mayPersist: boolean, ownLines: string): void;
  /** Bytes given whole are no longer the caller's. */
  writeAnswer(bytes: Buffer, from: number, to: number): void;
  endAnswer(trailers: FieldSection | null): void;
  /** The exchange is over; its answer is complete, and the request's body too if `isBodyComplete`. */
  exchangeEnded(isBodyComplete: boolean): void;
  /** The exchange is over in the middle of its answer: the client must see that this is not all. */
  breakAnswer(): void;
  /** The exchange is over with a whole answer that no target made. */
  answerOwn(answer: OwnAnswer, request: RequestHead, mayPersist: boolean): void;
  /** For a tunnel's bytes to go past client and exchange; null: they cannot. It counts what it relays. */
  readonly relaySocket: StreamSocket | null;
  beginTunnel(head: ResponseHead, ownLines: string): void;
  writeTunnel(bytes: Buffer, from: number, to: number): void;
  /** The target will send nothing more. */
  endTunnel(): void;
  /** At once and without an answer. */
  abort(): void;
}
