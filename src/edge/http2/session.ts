/**
 * One HTTP/2 connection, server's or client's side: frames in and out, settings, windows, and what a peer may not do
 * (RFC 9113). Owns its streams. It decides nothing about requests: its owner hears of them, and closes the socket.
 */
import { ConnectionFrames, type FramedConnection } from './connection-frames.ts';
import { Departure } from './departure.ts';
import { FrameReader, type FrameTaker } from './frame-reader.ts';
import { FrameWriter, type SessionSink } from './frame-writer.ts';
import {
  ERROR,
  FLAG,
  FRAME,
  frame,
  goAwayFrame,
  numberFrame,
  type PeerFlaw,
  PREFACE,
  WINDOW_BYTES,
  WINDOW_BYTES_MAX,
} from './frames.ts';
import { HeaderBlock } from './header-block.ts';
import { fieldsOf, type MessageFields, RequestFields, ResponseFields } from './message-fields.ts';
import { PeerBudget } from './peer-budget.ts';
import type { SessionLimits } from './session-limits.ts';
import { Settings } from './settings.ts';
import { Stream } from './stream.ts';
import { StreamRegister } from './stream-register.ts';
import { mayReceive } from './stream-state.ts';

export interface SessionOwner {
  /** Server role: a request's fields have come. `fields.flaw` is null. */
  onRequest(stream: Stream, fields: RequestFields, isEnd: boolean): void;
  /** A stream is gone, or the peer has said something that changes what may be done. */
  onSettled(): void;
  /** The connection cannot go on; what was written last says so. */
  onFailed(code: number, reason: string): void;
}

export class Session implements FrameTaker, FramedConnection {
  /** For streams: how what they send gets out. */
  readonly writer: FrameWriter;
  readonly isServer: boolean;
  readonly settings: Settings;
  readonly departure: Departure;
  readonly budget: PeerBudget;
  readonly #sink: SessionSink;
  readonly #limits: SessionLimits;
  readonly #owner: SessionOwner;
  readonly #reader: FrameReader;
  readonly #block: HeaderBlock;
  readonly #register: StreamRegister;
  readonly #connectionFrames: ConnectionFrames;
  #isOver = false;
  #receiveWindow: number;
  #owedBytes = 0;

  constructor(
    isServer: boolean,
    sink: SessionSink,
    clock: { readonly nowMs: number },
    limits: SessionLimits,
    owner: SessionOwner,
  ) {
    this.isServer = isServer;
    this.#sink = sink;
    this.#limits = limits;
    this.#owner = owner;
    this.#receiveWindow = limits.connectionWindowBytes;
    this.settings = new Settings(limits);
    this.departure = new Departure(sink);
    this.budget = new PeerBudget(clock, limits, sink, (code, reason) => this.fail(code, reason));
    this.writer = new FrameWriter(sink, this.budget.controlFrames);
    this.#reader = new FrameReader(this, !isServer);
    this.#block = new HeaderBlock(limits.headBytesMax);
    this.#register = new StreamRegister(isServer);
    this.#connectionFrames = new ConnectionFrames(this);
  }

  /** Something has begun of which not all has come; DATA is its stream's business. */
  get isInTheMiddle(): boolean {
    return !this.hasSettings || this.#block.isOpen || this.#reader.isInTheMiddle;
  }

  get streams(): ReadonlyMap<number, Stream> {
    return this.#register.open;
  }

  /** Of DATA, in all: more than at the last look is a peer that takes something. */
  get sentBytes(): number {
    return this.writer.sentBytes;
  }

  /** It takes no new streams, and none is left. */
  get isDone(): boolean {
    return this.streams.size === 0 && (this.departure.hasLeft || this.departure.hasPeerLeft || this.#isOver);
  }

  /** The peer has said what it allows. */
  get hasSettings(): boolean {
    return this.settings.hasPeers;
  }

  /** What the peer lets us open. */
  get peerStreamsMax(): number {
    return this.settings.peerStreamsMax;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Our part of the preface (RFC 9113 §3.4). */
  begin(): void {
    if (!this.isServer) this.#sink.writeBytes(PREFACE);
    this.#sink.writeBytes(this.settings.own(this.isServer));
    this.writeWindow(0, this.#limits.connectionWindowBytes - WINDOW_BYTES);
  }

  receive(bytes: Buffer): void {
    if (!this.#isOver) this.#reader.receive(bytes);
  }

  /** The socket takes bytes again. */
  writable(): void {
    this.writer.flush();
  }

  /** A stream of our own, client role. */
  open(): Stream {
    return this.#newStream(this.#register.takeOwnId());
  }

  /** Client role: whether one more stream may be opened. */
  get mayOpen(): boolean {
    if (this.#isOver || this.departure.hasPeerLeft || !this.#register.hasOwnId) return false;
    return this.streams.size < this.peerStreamsMax;
  }

  /** Says that no new streams are wanted, so that none which is under way is lost. */
  leave(): void {
    if (!this.#isOver) this.departure.leave();
  }

  /** The same at once: what the peer sends from here on is not looked at. */
  leaveNow(): void {
    if (!this.#isOver) this.departure.leaveNow(this.#register.lastPeerId);
  }

  ping(): void {
    this.#sink.writeBytes(frame(FRAME.ping, 0, 0, ASKING));
  }

  fail(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.writeBytes(goAwayFrame(this.#register.lastPeerId, code, reason));
    this.end(code);
    this.#owner.onFailed(code, reason);
  }

  /** The connection is gone: every stream hears of it. */
  end(code: number): void {
    this.#isOver = true;
    this.#reader.clear();
    this.#block.clear();
    for (const stream of [...this.streams.values()]) stream.gotReset(code);
  }

  writeReset(streamId: number, code: number): void {
    if (this.#isOver) return;
    this.#register.noteReset(streamId);
    this.#sink.writeBytes(numberFrame(FRAME.rstStream, streamId, code));
  }

  writeWindow(streamId: number, byteCount: number): void {
    if (byteCount > 0 && !this.#isOver)
      this.#sink.writeBytes(numberFrame(FRAME.windowUpdate, streamId, byteCount));
  }

  consumed(byteCount: number): void {
    this.#owedBytes += byteCount;
    if (this.#owedBytes * 2 < this.#limits.connectionWindowBytes) return;
    this.#receiveWindow += this.#owedBytes;
    this.writeWindow(0, this.#owedBytes);
    this.#owedBytes = 0;
  }

  closed(stream: Stream): void {
    this.#register.remove(stream);
    this.writer.forget(stream);
    this.#owner.onSettled();
  }

  settled(): void {
    this.#owner.onSettled();
  }

  onFrame(type: number, flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    if (!this.hasSettings && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) {
      this.fail(ERROR.protocol, 'a first frame that is not SETTINGS');
      return;
    }
    if (this.#block.isOpen && (type !== FRAME.continuation || streamId !== this.#block.streamId)) {
      this.fail(ERROR.protocol, 'a frame in the middle of a header block');
      return;
    }
    switch (type) {
      case FRAME.data:
        this.#takeData(flags, streamId, input, from, to);
        return;
      case FRAME.headers:
        this.#takeBlock(this.#block.headers(flags, streamId, input, from, to));
        return;
      case FRAME.continuation:
        this.#takeBlock(this.#block.continuation(flags, input, from, to));
        return;
      case FRAME.windowUpdate:
        this.#takeWindowUpdate(streamId, input, from, to);
        return;
      case FRAME.rstStream:
        this.#takeReset(streamId, input, from, to);
        return;
      case FRAME.settings:
        this.#connectionFrames.settings(flags, streamId, input, from, to);
        return;
      case FRAME.ping:
        this.#connectionFrames.ping(flags, streamId, input, from, to);
        return;
      case FRAME.goAway:
        this.#connectionFrames.goAway(streamId, input, from, to);
        return;
      case FRAME.priority:
        this.#connectionFrames.priority(streamId, input, from, to);
        return;
      case FRAME.pushPromise:
        this.fail(ERROR.protocol, 'a push that nobody allowed');
        return;
      default:
        this.budget.spendControlFrame();
    }
  }

  #takeData(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    const length = to - from;
    const padding = (flags & FLAG.padded) === 0 ? 0 : 1 + (input[from] ?? 0);
    if (streamId === 0) this.fail(ERROR.protocol, 'DATA without a stream');
    else if (padding > length) this.fail(ERROR.protocol, 'padding that is longer than its frame');
    else if (length > this.#receiveWindow) this.fail(ERROR.flowControl, 'more data than the window allows');
    if (this.#isOver) return;
    this.#receiveWindow -= length;
    const stream = this.streams.get(streamId);
    if (stream === undefined || !mayReceive(stream.state)) {
      this.consumed(length);
      this.#refuseData(streamId);
      return;
    }
    if (length > stream.receiveWindow) {
      this.consumed(length);
      this.streamError(stream, ERROR.flowControl);
      return;
    }
    stream.receiveWindow -= length;
    const isEnd = (flags & FLAG.endStream) !== 0;
    if (length === padding && !isEnd && !this.budget.spendControlFrame()) return;
    if (padding > 0) stream.consumed(padding);
    const dataFrom = padding > 0 ? from + 1 : from;
    if (length > padding) stream.user?.onStreamData(input, dataFrom, to - Math.max(0, padding - 1));
    if (isEnd && mayReceive(stream.state)) stream.gotEnd(null);
  }

  #refuseData(streamId: number): void {
    if (this.#register.isIdle(streamId)) this.fail(ERROR.protocol, 'DATA on a stream that was never opened');
    // What was under way when we ended it is no fault, but there is only so much of it.
    else if (this.#register.wasReset(streamId)) this.budget.spendControlFrame();
    else if (this.budget.spendReset()) this.writeReset(streamId, ERROR.streamClosed);
  }

  #takeBlock(outcome: PeerFlaw | 'open' | 'whole'): void {
    if (outcome === 'open') return;
    if (outcome !== 'whole') {
      this.fail(outcome.code, outcome.reason);
      return;
    }
    const { streamId, flags } = this.#block;
    const stream = this.streams.get(streamId);
    const fields = fieldsOf(this.isServer, stream, this.#limits.headBytesMax);
    const reason = this.#block.decodeInto(fields);
    if (reason !== null) {
      this.fail(ERROR.compression, reason);
      return;
    }
    fields.finish();
    const isEnd = (flags & FLAG.endStream) !== 0;
    if (stream !== undefined) this.#takeLaterFields(stream, fields, isEnd);
    else if (this.isServer && fields instanceof RequestFields) this.#takeRequest(streamId, fields, isEnd);
    else if (this.#register.isIdle(streamId)) this.fail(ERROR.protocol, 'an answer to nothing');
  }

  #takeRequest(streamId: number, fields: RequestFields, isEnd: boolean): void {
    if (streamId % 2 === 0) this.fail(ERROR.protocol, 'a stream with an even number');
    else if (streamId <= this.#register.lastPeerId) this.#takeLateFields(streamId);
    if (this.#isOver || streamId <= this.#register.lastPeerId) return;
    // Streams beyond what we have said are not looked at: their requests are sent elsewhere.
    if (this.departure.hasLeft) return;
    this.#register.lastPeerId = streamId;
    if (this.streams.size >= this.#limits.streamsMax) {
      if (this.budget.spendReset()) this.writeReset(streamId, ERROR.refusedStream);
      return;
    }
    const stream = this.#newStream(streamId);
    if (fields.flaw !== null) this.streamError(stream, ERROR.protocol);
    else this.#owner.onRequest(stream, fields, isEnd);
    if (isEnd && mayReceive(stream.state)) stream.gotEnd(null);
  }

  /** Of a stream that was closed before (RFC 9113 §5.1). */
  #takeLateFields(streamId: number): void {
    if (this.#register.wasReset(streamId)) this.budget.spendControlFrame();
    else this.fail(ERROR.streamClosed, 'HEADERS on a closed stream');
  }

  /** An answer's head, or trailers. */
  #takeLaterFields(stream: Stream, fields: MessageFields, isEnd: boolean): void {
    if (!mayReceive(stream.state)) {
      this.streamError(stream, ERROR.streamClosed);
      return;
    }
    if (fields instanceof ResponseFields) {
      const isInterim = fields.status?.startsWith('1') === true;
      if (fields.flaw !== null || fields.isTooLarge || (isInterim && isEnd)) {
        this.streamError(stream, ERROR.protocol);
        return;
      }
      stream.hasHead = !isInterim;
      stream.user?.onStreamHead(fields, isEnd);
      if (isEnd && mayReceive(stream.state)) stream.gotEnd(null);
      return;
    }
    if (fields.flaw !== null || !isEnd || fields.isTooLarge) this.streamError(stream, ERROR.protocol);
    else stream.gotEnd(fields.lines);
  }

  #takeWindowUpdate(streamId: number, input: Buffer, from: number, to: number): void {
    if (to - from !== 4) {
      this.fail(ERROR.frameSize, 'a WINDOW_UPDATE of another size');
      return;
    }
    if (!this.budget.spendControlFrame()) return;
    const byteCount = input.readUInt32BE(from) & WINDOW_BYTES_MAX;
    const stream = this.streams.get(streamId);
    if (streamId === 0) this.#widen(byteCount);
    else if (stream !== undefined) {
      if (byteCount === 0) this.streamError(stream, ERROR.protocol);
      else if (!stream.tryShiftSendWindow(byteCount)) this.streamError(stream, ERROR.flowControl);
      else if (this.writer.isWaiting(stream)) this.writer.flush();
    } else if (this.#register.isIdle(streamId))
      this.fail(ERROR.protocol, 'a window of a stream that was never opened');
  }

  #widen(byteCount: number): void {
    this.writer.window += byteCount;
    if (byteCount === 0) this.fail(ERROR.protocol, 'a WINDOW_UPDATE by nothing');
    else if (this.writer.window > WINDOW_BYTES_MAX)
      this.fail(ERROR.flowControl, 'a window larger than any may be');
    else this.writer.flush();
  }

  #takeReset(streamId: number, input: Buffer, from: number, to: number): void {
    if (to - from !== 4) this.fail(ERROR.frameSize, 'a RST_STREAM of another size');
    else if (streamId === 0 || this.#register.isIdle(streamId))
      this.fail(ERROR.protocol, 'a RST_STREAM of a stream that was never opened');
    else if (this.budget.spendReset()) this.streams.get(streamId)?.gotReset(input.readUInt32BE(from));
  }

  /** What is wrong concerns one stream only (RFC 9113 §5.4.2). */
  streamError(stream: Stream, code: number): void {
    if (!this.budget.spendReset()) return;
    const { user } = stream;
    stream.reset(code);
    user?.onStreamReset(code);
  }

  #newStream(id: number): Stream {
    const stream = new Stream(this, id, this.settings.peerWindowBytes, this.settings.ownWindowBytes);
    this.#register.add(stream);
    stream.opened();
    return stream;
  }
}

const ASKING = Buffer.from('luma-ask', 'latin1');
