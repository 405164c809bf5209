/**
 * The target of an exchange, as the exchange sees it: an HTTP/1.1 connection that it has for itself, or one stream of an
 * HTTP/2 connection. Whoever implements it owns how the request is framed and how the answer is read.
 */
import type { FieldSection } from '../http1/field-section.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { StreamSocket } from '../sockets/stream-socket.ts';

export interface TargetSide {
  /** Exchanges that the connection has served before the present one. */
  readonly useCount: number;
  /** Anything of the present answer has arrived. */
  readonly hasAnswerBytes: boolean;
  /** Written and not yet taken by the target. */
  readonly backlogBytes: number;
  /** `lines` and `ownLines` are whole lines; the former are often the same. */
  sendHead(head: RequestHead, target: string, lines: string, ownLines: string): void;
  writeBody(bytes: Buffer, from: number, to: number): void;
  /** All of what was received at once, of a body of declared length: it is empty afterwards, perhaps. */
  writeReceived(bytes: Buffer): void;
  /** Of a body whose length was not declared; `listed`: trailers of one hop only. */
  endBody(trailers: FieldSection | null, listed: readonly string[]): void;
  pause(): void;
  resume(): void;
  /** When a 101 is accepted. */
  becomeTunnel(): void;
  relayWith(client: StreamSocket): void;
  writeTunnel(bytes: Buffer, from: number, to: number): void;
  /** Tunnel: nothing more will be written. */
  shutdown(): void;
  /** Ends what is under way; the user hears nothing more. */
  drop(): void;
  /** The exchange is over, and the connection is not kept for another. */
  dismiss(): void;
}

/** What an exchange hears of its target. */
export interface UpstreamUser {
  onUpstreamOpen(): void;
  /** A 1xx other than 101. */
  onInterimHead(head: ResponseHead): void;
  onAnswerHead(head: ResponseHead): void;
  /** Bytes given whole are the user's. */
  onAnswerBytes(bytes: Buffer, from: number, to: number): void;
  onAnswerEnd(trailers: FieldSection | null): void;
  /** After a 101: opaque bytes. */
  onTunnelBytes(bytes: Buffer, from: number, to: number): void;
  onTunnelEnd(): void;
  onUpstreamClogged(): void;
  onUpstreamWritable(): void;
  /** The connection is gone or the answer cannot be understood; once, last. */
  onUpstreamBroken(why: UpstreamBreak): void;
}

export interface UpstreamBreak {
  /** `unprocessed`: the target says that it has not looked at the request. */
  readonly kind: 'refused' | 'closed' | 'malformed' | 'unprocessed' | 'bug';
  readonly reason: string;
}
