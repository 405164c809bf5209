/**
 * One connection to a target: requests go out as text and bytes, answers come back as parsed events for the exchange
 * that uses it at the time. Owns the answer's parse state; whose connection it is belongs to the pool.
 */

import { assert } from '../../base/errors.ts';
import { NOWHERE } from '../../base/roster.ts';
import { type BodyFraming, NO_BODY } from '../http1/body-framing.ts';
import { writeChunk } from '../http1/chunk-writer.ts';
import { ChunkedDecoder } from '../http1/chunked-decoder.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { HeadMemory } from '../http1/head-memory.ts';
import {
  writeLastChunk,
  writeRequestFields,
  writeRequestLine,
  writeRequestRest,
} from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { parseResponseHead, type ResponseHead, type ResponseHeadResult } from '../http1/response-head.ts';
import type { EdgeLimits } from '../limits.ts';
import type { DeadlineOwner, DeadlineSweep } from '../sockets/deadline-sweep.ts';
import { type SocketOwner, StreamSocket } from '../sockets/stream-socket.ts';
import type { TargetSide, UpstreamBreak, UpstreamUser } from './target-side.ts';

/** Who keeps idle connections: told when one of its own is gone. */
export interface ConnectionKeeper {
  onIdleGone(connection: UpstreamConnection): void;
}

export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
}

export interface UpstreamContext {
  readonly limits: EdgeLimits;
  readonly sweep: DeadlineSweep;
  readonly onError: (error: unknown) => void;
  /** Answers that came before; without it every head is parsed. */
  readonly responseHeads?: HeadMemory<ResponseHead>;
}

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'answered' | 'gone';

const NEVER = Number.POSITIVE_INFINITY;

export class UpstreamConnection implements TargetSide, SocketOwner, DeadlineOwner {
  dueMs: number;
  sweepPlace = NOWHERE;
  /** When it was last put back, monotonic milliseconds. */
  idleSinceMs = 0;
  /** Exchanges it has served before the present one. */
  useCount = 0;
  /** Any byte of the present answer has arrived. */
  hasAnswerBytes = false;
  readonly #context: UpstreamContext;
  /** Of the idle connection; a probe's comes to the pool as one that nobody kept before. */
  #keeper: ConnectionKeeper | null = null;
  readonly #socket: StreamSocket;
  #user: UpstreamUser | null = null;
  #phase: Phase = 'connecting';
  #input: Buffer | null = null;
  #isHeadRequest = false;
  /** The request's body, on its way out. */
  #isChunked = false;
  #isKeepAlive = false;
  #framing: BodyFraming = NO_BODY;
  #bytesLeft = 0;
  #decoder: ChunkedDecoder | null = null;
  #interimCount = 0;

  constructor(
    context: UpstreamContext,
    address: UpstreamAddress,
    user: UpstreamUser,
    /** Of the pool it is made for, at that time. */
    readonly epoch: number,
  ) {
    this.#context = context;
    this.#user = user;
    this.dueMs = context.sweep.nowMs + context.limits.connectMs;
    context.sweep.add(this);
    this.#socket = StreamSocket.dial(this, address.host, address.port);
  }

  get isConnecting(): boolean {
    return this.#phase === 'connecting';
  }

  /** The answer is complete, nothing followed it, and both sides keep the connection. */
  get isReusable(): boolean {
    return this.#phase === 'answered' && this.#isKeepAlive && this.#input === null && this.#socket.isOpen;
  }

  /** Begins the next exchange on a kept connection. */
  use(user: UpstreamUser): void {
    assert(this.#phase === 'idle', 'only an idle connection is taken');
    this.#user = user;
    this.dueMs = NEVER;
    this.useCount++;
    this.#phase = 'head';
  }

  sendHead(head: RequestHead, target: string, lines: string, ownLines: string): void {
    this.expectAnswer(head.method === 'HEAD');
    this.#isChunked = head.framing.kind === 'chunked';
    // In parts: those that are the same for many requests are not put together again.
    this.#socket.writeText(writeRequestLine(head, target));
    this.#socket.writeText(writeRequestFields(head, lines));
    this.#socket.writeText(ownLines + writeRequestRest(head));
  }

  writeBody(bytes: Buffer, from: number, to: number): void {
    if (this.#isChunked) writeChunk(this.#socket, bytes, from, to);
    else this.#socket.writeBytes(bytes, from, to);
  }

  endBody(trailers: FieldSection | null, listed: readonly string[]): void {
    this.#socket.writeText(writeLastChunk(trailers, listed));
  }

  /** Before the head is sent: what the answer will depend on. */
  expectAnswer(isHeadRequest: boolean): void {
    this.#phase = 'head';
    this.#isHeadRequest = isHeadRequest;
    this.hasAnswerBytes = false;
    this.#interimCount = 0;
  }

  /** To its keeper, without a user. */
  rest(keeper: ConnectionKeeper, nowMs: number): void {
    this.#keeper = keeper;
    this.#user = null;
    this.#phase = 'idle';
    this.idleSinceMs = nowMs;
    this.dueMs = nowMs + this.#context.limits.upstreamIdleMs;
    this.#socket.resume();
  }

  /** Its user hears nothing more. */
  drop(): void {
    this.#user = null;
    this.#leave();
    this.#socket.destroy();
  }

  /** Closes an idle connection in good order. */
  dismiss(): void {
    this.#user = null;
    this.#leave();
    if (this.#socket.backlogBytes > 0) this.#socket.destroy();
    else this.#socket.finish();
  }

  writeText(text: string): void {
    this.#socket.writeText(text);
  }

  writeTunnel(bytes: Buffer, from: number, to: number): void {
    this.#socket.writeBytes(bytes, from, to);
  }

  /** All of what a client sent at once, which nobody looks at again. */
  writeReceived(bytes: Buffer): void {
    this.#socket.writeReceived(bytes);
  }

  get backlogBytes(): number {
    return this.#socket.backlogBytes;
  }

  shutdown(): void {
    this.#socket.shutdown();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onOpen(): void {
    this.dueMs = NEVER;
    this.#phase = 'head';
    this.#user?.onUpstreamOpen();
  }

  onData(bytes: Buffer): void {
    this.hasAnswerBytes = true;
    if (this.#phase === 'body' && this.#decoder === null) {
      this.#takeBody(bytes, 0);
      return;
    }
    if (this.#phase === 'tunnel') {
      this.#user?.onTunnelBytes(bytes, 0, bytes.length);
      return;
    }
    const input = this.#input === null ? bytes : Buffer.concat([this.#input, bytes]);
    this.#input = null;
    this.#advance(input, 0);
  }

  onClogged(): void {
    this.#user?.onUpstreamClogged();
  }

  onWritable(): void {
    this.#user?.onUpstreamWritable();
  }

  onPeerEnd(): void {
    if (this.#phase === 'tunnel') {
      this.#user?.onTunnelEnd();
      return;
    }
    if (this.#phase === 'body' && this.#framing.kind === 'until-close') {
      this.#isKeepAlive = false;
      this.#endAnswer(null);
      return;
    }
    this.#break('closed', 'the connection was closed');
  }

  onClosed(reason: string | null): void {
    // Where we have ended already, the target's own end may come as nothing but this.
    if (this.#phase === 'tunnel' && reason === null) this.#user?.onTunnelEnd();
    const wasConnecting = this.#phase === 'connecting';
    this.#break(wasConnecting ? 'refused' : 'closed', reason ?? 'the connection was closed');
  }

  onBug(error: unknown): void {
    this.#context.onError(error);
    this.#break('bug', 'an internal error');
  }

  onDeadline(): void {
    if (this.#phase === 'connecting') this.#break('refused', 'no connection in time');
    else if (this.#phase === 'idle') this.#goneIdle();
  }

  #advance(input: Buffer, from: number): void {
    let at = from;
    while (this.#phase === 'head') {
      const head = this.#readHead(input, at);
      if (head.kind === 'incomplete') {
        this.#input = at === 0 ? input : input.subarray(at);
        return;
      }
      if (head.kind === 'rejected') {
        this.#break('malformed', head.reason);
        return;
      }
      at += head.length;
      this.#takeHead(head, at < input.length);
      if (at === input.length) break;
    }
    if (at < input.length) this.#takeRest(input, at);
  }

  /** What an answer to HEAD says of its body is no matter, so those are not remembered. */
  #readHead(input: Buffer, from: number): ResponseHeadResult {
    const memory = this.#isHeadRequest ? undefined : this.#context.responseHeads;
    const known = memory?.recall(input, from) ?? null;
    if (known !== null) return known;
    const head = parseResponseHead(input, from, input.length, this.#isHeadRequest, this.#context.limits);
    if (head.kind === 'head') memory?.remember(input, from, head.end, head);
    return head;
  }

  #takeRest(input: Buffer, from: number): void {
    if (this.#phase === 'body') this.#takeBody(input, from);
    else if (this.#phase === 'tunnel') this.#user?.onTunnelBytes(input, from, input.length);
    // Bytes nobody asked for: the connection must not be used again.
    else if (this.#phase === 'idle') this.#goneIdle();
    else if (this.#phase === 'answered') this.#isKeepAlive = false;
  }

  #takeHead(head: ResponseHead, hasRest: boolean): void {
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interimCount > this.#context.limits.interimAnswersMax) {
        this.#break('malformed', 'too many interim answers');
        return;
      }
      this.#user?.onInterimHead(head);
      return;
    }
    this.#isKeepAlive = head.isKeepAlive && head.status !== 101;
    this.#framing = head.framing;
    this.#phase = 'body';
    this.#bytesLeft = head.framing.kind === 'length' ? head.framing.bytes : 0;
    this.#decoder = head.framing.kind === 'chunked' ? new ChunkedDecoder(this.#context.limits) : null;
    const isEmpty =
      head.framing.kind === 'none' || (head.framing.kind === 'length' && head.framing.bytes === 0);
    // Bytes after an answer without a body belong to nothing: the connection must not be used again.
    if (isEmpty && hasRest) this.#isKeepAlive = false;
    // The user may have dropped the connection while it heard of the head.
    this.#user?.onAnswerHead(head);
    if (isEmpty && this.#phase === 'body') this.#endAnswer(null);
  }

  /** For the user, when it accepts a 101. */
  becomeTunnel(): void {
    this.#phase = 'tunnel';
    this.#socket.watchPeer();
  }

  /** Bytes of a tunnel pass its user by: `onTunnelBytes` hears only what the client does not take. */
  relayWith(client: StreamSocket): void {
    client.relayWith(this.#socket);
  }

  #takeBody(bytes: Buffer, from: number): void {
    if (this.#decoder !== null) {
      this.#takeChunks(this.#decoder, bytes, from);
      return;
    }
    if (this.#framing.kind === 'until-close') {
      this.#user?.onAnswerBytes(bytes, from, bytes.length);
      return;
    }
    const to = Math.min(bytes.length, from + this.#bytesLeft);
    this.#bytesLeft -= to - from;
    if (to < bytes.length) this.#isKeepAlive = false;
    if (to > from) this.#user?.onAnswerBytes(bytes, from, to);
    if (this.#bytesLeft === 0 && this.#phase === 'body') this.#endAnswer(null);
  }

  #takeChunks(decoder: ChunkedDecoder, bytes: Buffer, from: number): void {
    decoder.at = from;
    while (this.#phase === 'body') {
      const step = decoder.step(bytes, bytes.length);
      if (step === 'more') return;
      if (step === 'rejected') {
        this.#break('malformed', decoder.reason);
        return;
      }
      if (step === 'span') this.#user?.onAnswerBytes(bytes, decoder.spanFrom, decoder.spanTo);
      else {
        if (decoder.at < bytes.length) this.#isKeepAlive = false;
        this.#endAnswer(decoder.trailers);
      }
    }
  }

  #endAnswer(trailers: FieldSection | null): void {
    this.#phase = 'answered';
    this.#decoder = null;
    this.#user?.onAnswerEnd(trailers);
  }

  #break(kind: UpstreamBreak['kind'], reason: string): void {
    if (this.#phase === 'gone') return;
    if (this.#phase === 'idle') {
      this.#goneIdle();
      return;
    }
    const user = this.#user;
    this.#user = null;
    this.#leave();
    this.#socket.destroy();
    user?.onUpstreamBroken({ kind, reason });
  }

  #goneIdle(): void {
    this.#keeper?.onIdleGone(this);
    this.dismiss();
  }

  #leave(): void {
    this.#phase = 'gone';
    this.#input = null;
    this.#context.sweep.remove(this);
  }
}
