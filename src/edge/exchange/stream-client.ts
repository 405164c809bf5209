/**
 * The client of one exchange, as a stream of an HTTP/2 connection. Owns the bytes that came and were not yet used, the
 * stream's deadline, and the answer's framing; what happens to the request is the exchange's business.
 */
import { NOWHERE } from '../../base/roster.ts';
import type { FieldSection as Fields } from '../http1/field-section.ts';
import { FieldSection } from '../http1/field-section.ts';
import { passableTrailers } from '../http1/head-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { ERROR } from '../http2/frames.ts';
import type { RequestFields } from '../http2/message-fields.ts';
import type { Stream, StreamUser } from '../http2/stream.ts';
import type { DeadlineOwner } from '../sockets/deadline-sweep.ts';
import { asOneEvent } from '../sockets/stream-socket.ts';
import type { ClientAddress, RequestOrigin } from './client-address.ts';
import type { ClientSide } from './client-side.ts';
import type { EdgeCore } from './edge-core.ts';
import { Exchange } from './exchange.ts';
import { failureAnswer, failureOfRequest } from './failure.ts';
import { grpcLines, isGrpc } from './grpc-answer.ts';
import { encode, encodeAnswer, encodeFields, encodeLines, readRequest } from './http2-heads.ts';
import type { OwnAnswer } from './own-answer.ts';
import { receive } from './reception.ts';
import { tellRefused } from './request-record.ts';
import { StreamedBody } from './streamed-body.ts';
import { TARGET_REPLACED } from './traffic-failure.ts';

const NEVER = Number.POSITIVE_INFINITY;
const UNKNOWN_LENGTH = -1;
const NOTHING = Buffer.alloc(0);
const MISDIRECTED = { status: 421, reason: 'the https scheme on a connection that is not one' } as const;

/** The connection it belongs to. */
export interface StreamHost {
  readonly remoteAddress: string;
  readonly address: ClientAddress;
  /** Of all its streams, in all. */
  readonly sentBytes: number;
}

export class StreamClient implements ClientSide, StreamUser, DeadlineOwner {
  dueMs = NEVER;
  sweepPlace = NOWHERE;
  readonly relaySocket = null;
  readonly #core: EdgeCore;
  readonly #host: StreamHost;
  readonly #stream: Stream;
  #exchange: Exchange | null = null;
  #body: StreamedBody | null = null;
  #input: Buffer | null = null;
  #hasClientEnded = false;
  #isTunnel = false;
  #isGone = false;
  #listed: readonly string[] = [];
  /** Of the answer's body, until it is complete. */
  #answerBytesLeft = UNKNOWN_LENGTH;
  /** As they were when the client was last looked at. */
  #takenBytes = 0;
  #sentBytes = 0;

  constructor(core: EdgeCore, host: StreamHost, stream: Stream) {
    this.#core = core;
    this.#host = host;
    this.#stream = stream;
    stream.user = this;
    core.sweep.add(this);
    core.streamCount++;
  }

  get remoteAddress(): string {
    return this.#host.remoteAddress;
  }

  get backlogBytes(): number {
    return this.#stream.queuedBytes;
  }

  protocolOf(): string {
    return 'HTTP/2';
  }

  origin(head: RequestHead, ipHeader: string | null = null): RequestOrigin {
    return this.#host.address.origin(head, ipHeader);
  }

  begin(fields: RequestFields, isEnd: boolean): void {
    this.#hasClientEnded = isEnd;
    const head = readRequest(this.#core.requestHeads, fields, isEnd);
    if (head.kind !== 'head') {
      const status =
        head.kind === 'rejected' ? head : { status: 400 as const, reason: 'a malformed request' };
      this.#refuse(failureOfRequest(status), null, fields.method === 'HEAD');
      return;
    }
    if (isEnd && head.hasBody) {
      this.#violate();
      return;
    }
    if (fields.scheme === 'https' && this.origin(head).proto !== 'https') {
      this.#refuse(failureOfRequest(MISDIRECTED), head, fields.method === 'HEAD');
      return;
    }
    const desk = receive(this.#core, this, head);
    if (desk === null) return;
    this.#body = new StreamedBody(head.framing);
    const exchange = new Exchange(this.#core, this, head, desk, this.#body);
    this.#exchange = exchange;
    exchange.admit();
  }

  arm(afterMs: number): void {
    if (this.#stream.queuedBytes === 0) this.dueMs = this.#core.sweep.nowMs + afterMs;
  }

  asEvent(body: () => void): void {
    asOneEvent(body);
  }

  passBody(): void {
    const exchange = this.#exchange;
    if (exchange === null || (this.#input === null && this.#body?.mustEnd !== true)) return;
    const input = this.#input ?? NOTHING;
    const rest = exchange.takeBody(input, 0);
    if (rest <= 0 || this.#input !== input) return;
    this.#input = rest < input.length ? input.subarray(rest) : null;
    this.#stream.consumed(rest);
    this.#stream.widenTo(this.#core.limits.http2StreamWindowBytes);
  }

  onStreamHead(): void {
    // Of answers, and this side gives them.
  }

  onStreamData(bytes: Buffer, from: number, to: number): void {
    if (this.#exchange === null) {
      this.#stream.discarded(to - from);
      return;
    }
    if (!this.#isTunnel && this.#body?.tryReceive(to - from) === false) {
      this.#violate();
      return;
    }
    const piece = bytes.subarray(from, to);
    this.#input = this.#input === null ? piece : Buffer.concat([this.#input, piece]);
    this.passBody();
  }

  onStreamEnd(trailers: string | null): void {
    this.#hasClientEnded = true;
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (this.#isTunnel) {
      exchange.onClientEnd();
      return;
    }
    const section = trailers === null ? null : FieldSection.of(trailers, this.#core.limits.headFieldsMax);
    if (this.#body?.tryEnd(section) === false) this.#violate();
    else this.passBody();
  }

  onStreamReset(): void {
    const exchange = this.#exchange;
    this.#leave();
    exchange?.clientGone();
  }

  onStreamDone(): void {
    this.#leave();
  }

  onStreamClogged(): void {
    this.#look();
    this.dueMs = this.#core.sweep.nowMs + this.#core.limits.clientStalledMs;
    this.#exchange?.onClientClogged();
  }

  onStreamWritable(): void {
    this.#exchange?.onClientWritable();
  }

  onDeadline(nowMs: number): void {
    asOneEvent(() => {
      if (this.#stream.queuedBytes > 0) {
        if (this.#isStillTaking()) this.dueMs = nowMs + this.#core.limits.clientStalledMs;
        else this.#cut(ERROR.cancel);
      } else if (this.#exchange !== null) this.#exchange.onDeadline();
      else this.#cut(ERROR.none);
    });
  }

  writeInterim(head: ResponseHead): void {
    this.#stream.sendHead(encode(head.status, head.keptLines), null, false);
  }

  beginAnswer(_request: RequestHead, head: ResponseHead, _mayPersist: boolean, ownLines: string): void {
    const { framing } = head;
    this.#listed = head.listed;
    this.#answerBytesLeft = framing.kind === 'length' ? framing.bytes : UNKNOWN_LENGTH;
    if (framing.kind === 'none') this.#answerBytesLeft = 0;
    this.#stream.sendHead(encodeAnswer(head, framing), encodeLines(ownLines), this.#answerBytesLeft === 0);
  }

  writeAnswer(bytes: Buffer, from: number, to: number): void {
    if (this.#answerBytesLeft > 0) this.#answerBytesLeft -= to - from;
    this.#stream.sendData(bytes, from, to, this.#answerBytesLeft === 0);
  }

  endAnswer(trailers: Fields | null): void {
    if (this.#answerBytesLeft === 0) return;
    const lines = trailers === null ? '' : passableTrailers(trailers, this.#listed);
    this.#stream.sendEnd(lines === '' ? null : encodeFields(lines));
  }

  exchangeEnded(): void {
    this.#end();
  }

  breakAnswer(): void {
    this.#exchange = null;
    this.#cut(ERROR.internal);
  }

  answerOwn(answer: OwnAnswer, request: RequestHead): void {
    const date = this.#core.date.line();
    if (isGrpc(request)) this.#stream.sendHead(encode(200, grpcLines(answer) + date), null, true);
    else this.#send(answer, request.method === 'HEAD', date);
    this.#end();
  }

  beginTunnel(head: ResponseHead, ownLines: string): void {
    this.#isTunnel = true;
    this.#stream.widenTo(this.#core.limits.http2StreamWindowBytes);
    const lines = head.keptLines.replace(/^sec-websocket-accept:[^\r]*\r\n/im, '');
    this.#stream.sendHead(encode(200, lines), encodeLines(ownLines), false);
  }

  writeTunnel(bytes: Buffer, from: number, to: number): void {
    this.#stream.sendData(bytes, from, to, false);
  }

  endTunnel(): void {
    this.#stream.sendEnd(null);
  }

  abort(): void {
    this.#cut(ERROR.internal);
  }

  /** The time to finish is over. */
  cut(): void {
    if (this.#exchange !== null) this.#exchange.cut();
    else this.#cut(ERROR.cancel);
  }

  cutAt(service: string, targetIds: readonly string[]): void {
    if (this.#exchange?.isAt(service, targetIds)) this.#exchange.cut(TARGET_REPLACED);
  }

  /** The exchange is over; what was said may still be on its way. */
  #end(): void {
    const isBodyComplete = this.#body === null || this.#body.isComplete;
    this.#exchange = null;
    this.#discardInput();
    if (this.#hasClientEnded) return;
    // One that has sent all it declared is about to say so.
    if (isBodyComplete && this.#body !== null) this.arm(this.#core.limits.lingerMs);
    else this.#stream.abandonInput();
  }

  #discardInput(): void {
    if (this.#input !== null) this.#stream.discarded(this.#input.length);
    this.#input = null;
  }

  #refuse(failure: ReturnType<typeof failureOfRequest>, head: RequestHead | null, isHead: boolean): void {
    const request = { accept: '', requestId: this.#core.requestIds.next() };
    tellRefused(this.#core, this, failure, head, request.requestId);
    this.#send(failureAnswer(failure, request), isHead, this.#core.date.line());
    this.#end();
  }

  #send({ status, lines, body }: OwnAnswer, isHead: boolean, date: string): void {
    const isEmpty = isHead || body.length === 0;
    this.#stream.sendHead(encode(status, lines + date), null, isEmpty);
    if (!isEmpty) this.#stream.sendData(body, 0, body.length, true);
  }

  /** Its body is not what its head said (RFC 9113 §8.1.1). */
  #violate(): void {
    this.#cut(ERROR.protocol);
  }

  #cut(code: number): void {
    const exchange = this.#exchange;
    this.#discardInput();
    this.#stream.reset(code);
    this.#leave();
    exchange?.clientGone();
  }

  #leave(): void {
    this.#exchange = null;
    this.#discardInput();
    if (this.#isGone) return;
    this.#isGone = true;
    this.#core.sweep.remove(this);
    this.#core.streamCount--;
  }

  #look(): void {
    this.#takenBytes = this.#stream.takenBytes;
    this.#sentBytes = this.#host.sentBytes;
  }

  /**
   * A slow reader is no dead one: as long as it takes something, it may go on. Who has a window and gets nothing waits
   * for the connection, and that is taking something.
   */
  #isStillTaking(): boolean {
    const isMoving =
      this.#stream.takenBytes !== this.#takenBytes ||
      (this.#stream.sendWindow > 0 && this.#host.sentBytes !== this.#sentBytes);
    this.#look();
    return isMoving;
  }
}
