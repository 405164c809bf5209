/**
 * One stream of a session with an HTTP/2 target, for one exchange. Owns what has come while the client does not take
 * it; the stream's window bounds that.
 */
import { assert } from '../../base/errors.ts';
import { FieldSection } from '../http1/field-section.ts';
import { passableTrailers } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { ERROR } from '../http2/frames.ts';
import { HeaderBlock } from '../http2/hpack-encoder.ts';
import type { ResponseFields } from '../http2/message-fields.ts';
import type { Stream, StreamUser } from '../http2/stream.ts';
import { encodeRequest, readAnswer } from './stream-answer.ts';
import type { TargetSide, UpstreamUser } from './target-side.ts';
import type { UpstreamContext } from './upstream-connection.ts';

export class UpstreamStream implements TargetSide, StreamUser {
  hasAnswerBytes = false;
  /** Streams that its session had before. */
  useCount = 0;
  readonly #context: UpstreamContext;
  #user: UpstreamUser | null;
  #stream: Stream | null = null;
  #isHeadRequest = false;
  #interimCount = 0;
  /** Of a request's body with a declared length; null: none was. */
  #bytesToSend: number | null = null;
  #hasHead = false;
  #isPaused = false;
  #held: Buffer[] = [];
  #hasEnded = false;
  #trailers: FieldSection | null = null;
  /** Of a declared length; null: none was. */
  #bytesDue: number | null = null;
  /** Its place in the queue for a session; null once it has one. */
  #giveUp: (() => void) | null = null;

  constructor(context: UpstreamContext, user: UpstreamUser) {
    this.#context = context;
    this.#user = user;
  }

  get backlogBytes(): number {
    return this.#stream?.queuedBytes ?? 0;
  }

  /** For sessions: it waits until one is open. */
  waits(giveUp: () => void): void {
    this.#giveUp = giveUp;
  }

  /** For sessions: here is the stream. The user hears of it only where it had to wait. */
  bind(stream: Stream, useCount: number): void {
    this.#stream = stream;
    this.useCount = useCount;
    stream.user = this;
    const hadToWait = this.#giveUp !== null;
    this.#giveUp = null;
    if (hadToWait) this.#user?.onUpstreamOpen();
  }

  /** For sessions: there will be none. */
  refuse(reason: string): void {
    this.#break('refused', reason);
  }

  sendHead(head: RequestHead, target: string, lines: string, ownLines: string): void {
    this.#isHeadRequest = head.method === 'HEAD';
    this.#stream?.sendHead(encodeRequest(head, target, lines + ownLines), null, !head.hasBody);
    this.#bytesToSend = head.framing.kind === 'length' ? head.framing.bytes : null;
  }

  writeBody(bytes: Buffer, from: number, to: number): void {
    if (this.#bytesToSend !== null) this.#bytesToSend -= to - from;
    if (from < to) this.#stream?.sendData(bytes, from, to, this.#bytesToSend === 0);
  }

  writeReceived(bytes: Buffer): void {
    this.writeBody(bytes, 0, bytes.length);
  }

  endBody(trailers: FieldSection | null, listed: readonly string[]): void {
    const lines = trailers === null ? '' : passableTrailers(trailers, listed);
    if (lines === '') {
      this.#stream?.sendEnd(null);
      return;
    }
    const block = new HeaderBlock(lines.length + 64);
    block.lines(lines);
    this.#stream?.sendEnd(block.bytes());
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    while (this.#held.length > 0 && !this.#isPaused) {
      const piece = this.#held.shift();
      if (piece !== undefined) this.#pass(piece, 0, piece.length);
    }
    if (!this.#isPaused && this.#hasEnded) this.#end();
  }

  becomeTunnel(): void {
    assert(false, 'a stream never becomes a tunnel');
  }

  relayWith(): void {
    assert(false, 'a stream never becomes a tunnel');
  }

  writeTunnel(): void {
    assert(false, 'a stream never becomes a tunnel');
  }

  shutdown(): void {
    assert(false, 'a stream never becomes a tunnel');
  }

  drop(): void {
    this.#user = null;
    this.#held = [];
    const giveUp = this.#giveUp;
    this.#giveUp = null;
    giveUp?.();
    this.#stream?.reset(ERROR.cancel);
  }

  /** Where both have said everything the stream ends by itself. */
  dismiss(): void {
    if (!this.#hasEnded || this.#stream?.state === 'open' || this.#stream?.state === 'half-closed-remote')
      this.drop();
  }

  onStreamHead(fields: ResponseFields, isEnd: boolean): void {
    this.hasAnswerBytes = true;
    const head = readAnswer(this.#context, fields, this.#isHeadRequest, isEnd);
    if (head === null) {
      this.#malformed('an answer that HTTP could not say');
      return;
    }
    if (head.status < 200) {
      if (++this.#interimCount > this.#context.limits.interimAnswersMax)
        this.#malformed('too many interim answers');
      else this.#user?.onInterimHead(head);
      return;
    }
    this.#hasHead = true;
    this.#bytesDue = head.framing.kind === 'length' ? head.framing.bytes : null;
    if (head.framing.kind === 'none') this.#bytesDue = 0;
    this.#user?.onAnswerHead(head);
  }

  onStreamData(bytes: Buffer, from: number, to: number): void {
    if (!this.#hasHead) {
      this.#malformed('a body before its head');
      return;
    }
    if (this.#bytesDue !== null) this.#bytesDue -= to - from;
    if (this.#bytesDue !== null && this.#bytesDue < 0) this.#malformed('more of a body than was declared');
    else if (this.#isPaused || this.#held.length > 0) this.#held.push(Buffer.from(bytes.subarray(from, to)));
    else this.#pass(bytes, from, to);
  }

  onStreamEnd(trailers: string | null): void {
    if (!this.#hasHead) {
      this.#malformed('an end before a head');
      return;
    }
    if (this.#bytesDue !== null && this.#bytesDue > 0) {
      this.#malformed('less of a body than was declared');
      return;
    }
    this.#hasEnded = true;
    if (trailers !== null) this.#trailers = FieldSection.of(trailers, this.#context.limits.headFieldsMax);
    if (!this.#isPaused && this.#held.length === 0) this.#end();
  }

  onStreamReset(code: number): void {
    // RFC 9113 §8.1: after a whole answer it only means that no more of the request is wanted.
    if (this.#hasEnded) return;
    if (code === ERROR.refusedStream) this.#break('unprocessed', 'the target refused the stream');
    else this.#break('closed', `the target ended the stream with code ${code}`);
  }

  onStreamDone(): void {
    // What has come is still to be taken.
  }

  onStreamClogged(): void {
    this.#user?.onUpstreamClogged();
  }

  onStreamWritable(): void {
    this.#user?.onUpstreamWritable();
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    this.#user?.onAnswerBytes(bytes, from, to);
    this.#stream?.consumed(to - from);
  }

  #end(): void {
    const user = this.#user;
    this.#user = null;
    user?.onAnswerEnd(this.#trailers);
  }

  #malformed(reason: string): void {
    this.#stream?.reset(ERROR.protocol);
    this.#break('malformed', reason);
  }

  #break(kind: 'refused' | 'closed' | 'malformed' | 'unprocessed', reason: string): void {
    const user = this.#user;
    this.#user = null;
    this.#giveUp = null;
    this.#held = [];
    user?.onUpstreamBroken({ kind, reason });
  }
}
