/**
 * One HTTP/2 connection, server's or client's side: frames in and out, settings, windows, and what a peer may not do
 * (RFC 9113). Owns its streams. It decides nothing about requests: its owner hears of them, and closes the socket.
 */
import { type BudgetLimits, FrameBudget } from './frame-budget.ts';
import {
  ERROR,
  FLAG,
  FRAME,
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  frame,
  goAwayFrame,
  numberFrame,
  PREFACE,
  SETTING,
  STREAM_ID_MAX,
  settingsFrame,
  WINDOW_BYTES,
  WINDOW_BYTES_MAX,
  writeFrameHead,
} from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { NO_TABLE } from './hpack-encoder.ts';
import { type MessageFields, RequestFields, ResponseFields, TrailerFields } from './message-fields.ts';
import { Stream } from './stream.ts';
import { mayReceive } from './stream-state.ts';

export interface SessionLimits {
  /** Streams that the peer may have open at once; beyond: refused. */
  readonly streamsMax: number;
  /** Bytes of a header block, and of the list of fields it stands for. */
  readonly headBytesMax: number;
  /** Bytes that a peer may send of a stream before anybody has asked for them. */
  readonly streamWindowBytes: number;
  /** The same of all streams of a connection together. */
  readonly connectionWindowBytes: number;
  /** Frames that carry nothing; beyond: the connection is cut. */
  readonly controlFrames: BudgetLimits;
  /** Streams that end by RST_STREAM, the peer's or the one it provokes; beyond: the connection is cut. */
  readonly resets: BudgetLimits;
  /** Unsent bytes at which a peer that asks for replies is cut. */
  readonly replyBacklogBytesMax: number;
}

/** Where bytes go; the session asks it what was not taken yet. */
export interface SessionSink {
  readonly backlogBytes: number;
  writeBytes(bytes: Buffer, from?: number, to?: number): void;
}

export interface SessionOwner {
  /** Server role: a request's fields have come. `fields.flaw` is null. */
  onRequest(stream: Stream, fields: RequestFields, isEnd: boolean): void;
  /** A stream is gone, or the peer has said something that changes what may be done. */
  onSettled(): void;
  /** The connection cannot go on; what was written last says so. */
  onFailed(code: number, reason: string): void;
}

/** A piece of each stream's turn, so that one does not wait for all of another's. */
const TURN_BYTES = FRAME_BYTES_MAX;
/** A DATA frame that leaves pays for the WINDOW_UPDATE frames that answer it. */
const FRAMES_PER_DATA = 4;
const RESET_IDS_MAX = 256;
/** RFC 9113 §6.5.2: no honest server takes fewer. */
const STREAMS_UNTIL_SETTINGS = 100;
/** Frames of one header block: no honest peer needs more than the limit of bytes asks for. */
const BLOCK_FRAMES_MAX = 16;
const EMPTY = Buffer.alloc(0);

export class Session {
  /** The last stream of the peer that was begun. */
  lastPeerId = 0;
  /** The peer has said that it takes no new streams. */
  hasPeerLeft = false;
  /** Of DATA, in all: more than at the last look is a peer that takes something. */
  sentBytes = 0;
  /** What the peer lets us open; what it is thought to before it says so. */
  peerStreamsMax = STREAMS_UNTIL_SETTINGS;
  readonly streams = new Map<number, Stream>();
  readonly #isServer: boolean;
  readonly #sink: SessionSink;
  readonly #clock: { readonly nowMs: number };
  readonly #limits: SessionLimits;
  readonly #owner: SessionOwner;
  readonly #decoder = new HpackDecoder();
  readonly #frameHead = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  /** Streams with something to send that nobody takes now, in turn. */
  readonly #waiting = new Set<Stream>();
  /** Streams that we have ended; what the peer had sent by then is thrown away. */
  readonly #resetIds = new Set<number>();
  readonly #controlFrames: FrameBudget;
  readonly #resets: FrameBudget;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #neededBytes = 0;
  #isDataPending = false;
  #hasPreface: boolean;
  #hasSettings = false;
  #isOver = false;
  #nextOwnId = 1;
  #sendWindow = WINDOW_BYTES;
  #receiveWindow: number;
  #owedBytes = 0;
  #peerWindowBytes = WINDOW_BYTES;
  /** What the peer believes that it may send on a new stream: ours once it has acknowledged our settings. */
  #ownWindowBytes = WINDOW_BYTES;
  #isTableSaid = false;
  /** Streams up to it are taken; null: all. */
  #lastTakenId: number | null = null;
  #isLeaving = false;
  /** A header block that goes on in the next frame. */
  #block: { readonly streamId: number; readonly flags: number; parts: Buffer[]; bytes: number } | null = null;

  constructor(
    isServer: boolean,
    sink: SessionSink,
    clock: { readonly nowMs: number },
    limits: SessionLimits,
    owner: SessionOwner,
  ) {
    this.#isServer = isServer;
    this.#sink = sink;
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
    this.#hasPreface = !isServer;
    this.#receiveWindow = limits.connectionWindowBytes;
    this.#controlFrames = new FrameBudget(limits.controlFrames, clock.nowMs);
    this.#resets = new FrameBudget(limits.resets, clock.nowMs);
  }

  /** Something has begun of which not all has come; DATA is its stream's business. */
  get isInTheMiddle(): boolean {
    return !this.#hasSettings || this.#block !== null || (this.#partsBytes > 0 && !this.#isDataPending);
  }

  /** It takes no new streams, and none is left. */
  get isDone(): boolean {
    return this.streams.size === 0 && (this.#lastTakenId !== null || this.hasPeerLeft || this.#isOver);
  }

  /** The peer has said what it allows. */
  get hasSettings(): boolean {
    return this.#hasSettings;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Our part of the preface (RFC 9113 §3.4). */
  begin(): void {
    const { streamsMax, headBytesMax, streamWindowBytes, connectionWindowBytes } = this.#limits;
    if (!this.#isServer) this.#sink.writeBytes(PREFACE);
    this.#sink.writeBytes(
      settingsFrame([
        this.#isServer ? [SETTING.maxConcurrentStreams, streamsMax] : [SETTING.enablePush, 0],
        [SETTING.initialWindowSize, streamWindowBytes],
        [SETTING.maxHeaderListSize, headBytesMax],
        ...(this.#isServer ? [[SETTING.enableConnectProtocol, 1] as const] : []),
      ]),
    );
    this.writeWindow(0, connectionWindowBytes - WINDOW_BYTES);
  }

  receive(bytes: Buffer): void {
    if (this.#isOver) return;
    const input = this.#gather(bytes);
    if (input === null) return;
    let at = this.#hasPreface ? 0 : this.#takePreface(input);
    if (at < 0) return;
    while (input.length - at >= FRAME_HEAD_BYTES) {
      const length = (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]!;
      if (length > FRAME_BYTES_MAX) {
        this.fail(ERROR.frameSize, 'a frame that is too large');
        return;
      }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > input.length) break;
      const streamId = input.readUInt32BE(at + 5) & STREAM_ID_MAX;
      this.#take(input[at + 3]!, input[at + 4]!, streamId, input, at + FRAME_HEAD_BYTES, end);
      if (this.#isOver) return;
      at = end;
    }
    this.#keep(input, at);
  }

  /** The socket takes bytes again. */
  writable(): void {
    this.#flush();
  }

  /** A stream of our own, client role. */
  open(): Stream {
    const stream = this.#newStream(this.#nextOwnId);
    this.#nextOwnId += 2;
    return stream;
  }

  /** Client role: whether one more stream may be opened. */
  get mayOpen(): boolean {
    if (this.#isOver || this.hasPeerLeft || this.#nextOwnId > STREAM_ID_MAX) return false;
    return this.streams.size < this.peerStreamsMax;
  }

  /**
   * Says that no new streams are wanted, in two steps so that none which is under way is lost (RFC 9113 §6.8): the
   * number comes when the peer has heard of it.
   */
  leave(): void {
    if (this.#isLeaving || this.#isOver) return;
    this.#isLeaving = true;
    this.#sink.writeBytes(goAwayFrame(STREAM_ID_MAX, ERROR.none, ''));
    this.#sink.writeBytes(frame(FRAME.ping, 0, 0, LEAVING));
  }

  /** The same at once: what the peer sends from here on is not looked at. */
  leaveNow(): void {
    if (this.#isOver || this.#lastTakenId !== null) return;
    this.#isLeaving = true;
    this.#lastTakenId = this.lastPeerId;
    this.#sink.writeBytes(goAwayFrame(this.lastPeerId, ERROR.none, ''));
  }

  ping(): void {
    this.#sink.writeBytes(frame(FRAME.ping, 0, 0, ASKING));
  }

  fail(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.writeBytes(goAwayFrame(this.lastPeerId, code, reason));
    this.end(code);
    this.#owner.onFailed(code, reason);
  }

  /** The connection is gone: every stream hears of it. */
  end(code: number): void {
    this.#isOver = true;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#block = null;
    for (const stream of [...this.streams.values()]) stream.gotReset(code);
  }

  /** For streams: a whole header block, in as many frames as it takes. */
  writeHead(streamId: number, block: Buffer, ownBlock: Buffer | null, isEnd: boolean): void {
    const pieces = ownBlock === null ? [block] : [block, ownBlock];
    if (!this.#isTableSaid) {
      this.#isTableSaid = true;
      pieces.unshift(NO_TABLE);
    }
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const endStream = isEnd ? FLAG.endStream : 0;
    if (length <= FRAME_BYTES_MAX) {
      this.#writeFrameHead(length, FRAME.headers, endStream | FLAG.endHeaders, streamId);
      for (const piece of pieces) this.#sink.writeBytes(piece, 0, piece.length);
    } else this.#writeLargeHead(streamId, Buffer.concat(pieces), endStream);
  }

  /** For streams: how many bytes windows and socket took. The end goes with the last of them. */
  writeData(stream: Stream, bytes: Buffer, from: number, to: number, isEnd: boolean): number {
    let at = from;
    while (at < to && this.#sink.backlogBytes === 0) {
      const room = Math.min(FRAME_BYTES_MAX, this.#sendWindow, stream.sendWindow);
      if (room <= 0) break;
      const end = Math.min(to, at + room);
      this.#writeFrameHead(end - at, FRAME.data, isEnd && end === to ? FLAG.endStream : 0, stream.id);
      this.#sink.writeBytes(bytes, at, end);
      this.sentBytes += end - at;
      this.#sendWindow -= end - at;
      stream.sendWindow -= end - at;
      this.#controlFrames.earn(FRAMES_PER_DATA);
      at = end;
    }
    return at - from;
  }

  writeEnd(streamId: number): void {
    this.#writeFrameHead(0, FRAME.data, FLAG.endStream, streamId);
  }

  writeReset(streamId: number, code: number): void {
    if (this.#isOver) return;
    if (this.#resetIds.size >= RESET_IDS_MAX) {
      const [oldest] = this.#resetIds;
      if (oldest !== undefined) this.#resetIds.delete(oldest);
    }
    this.#resetIds.add(streamId);
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

  waits(stream: Stream): void {
    this.#waiting.add(stream);
  }

  closed(stream: Stream): void {
    this.streams.delete(stream.id);
    this.#waiting.delete(stream);
    this.#owner.onSettled();
  }

  /** Null: not even the next frame is complete. Pieces are put together once, not with each that comes. */
  #gather(bytes: Buffer): Buffer | null {
    if (this.#partsBytes === 0) return bytes;
    this.#parts.push(bytes);
    this.#partsBytes += bytes.length;
    if (this.#partsBytes < this.#neededBytes) return null;
    const input = Buffer.concat(this.#parts, this.#partsBytes);
    this.#parts = [];
    this.#partsBytes = 0;
    return input;
  }

  #keep(input: Buffer, at: number): void {
    const left = input.length - at;
    if (left === 0) return;
    this.#parts = [at === 0 ? input : input.subarray(at)];
    this.#partsBytes = left;
    this.#neededBytes = FRAME_HEAD_BYTES;
    this.#isDataPending = false;
    if (left < FRAME_HEAD_BYTES) return;
    this.#neededBytes += input.readUIntBE(at, 3);
    this.#isDataPending = input[at + 3] === FRAME.data;
  }

  /** Where frames begin; -1: not yet, or never. */
  #takePreface(input: Buffer): number {
    const length = Math.min(input.length, PREFACE.length);
    if (PREFACE.compare(input, 0, length, 0, length) !== 0) {
      this.fail(ERROR.protocol, 'no connection preface');
      return -1;
    }
    if (length < PREFACE.length) {
      this.#parts = [input];
      this.#partsBytes = length;
      this.#neededBytes = PREFACE.length;
      return -1;
    }
    this.#hasPreface = true;
    return length;
  }

  #take(type: number, flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    if (!this.#hasSettings && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) {
      this.fail(ERROR.protocol, 'a first frame that is not SETTINGS');
      return;
    }
    if (this.#block !== null && (type !== FRAME.continuation || streamId !== this.#block.streamId)) {
      this.fail(ERROR.protocol, 'a frame in the middle of a header block');
      return;
    }
    switch (type) {
      case FRAME.data:
        this.#takeData(flags, streamId, input, from, to);
        return;
      case FRAME.headers:
        this.#takeHeaders(flags, streamId, input, from, to);
        return;
      case FRAME.continuation:
        this.#takeContinuation(flags, input, from, to);
        return;
      case FRAME.windowUpdate:
        this.#takeWindowUpdate(streamId, input, from, to);
        return;
      case FRAME.rstStream:
        this.#takeReset(streamId, input, from, to);
        return;
      case FRAME.settings:
        this.#takeSettings(flags, streamId, input, from, to);
        return;
      case FRAME.ping:
        this.#takePing(flags, streamId, input, from, to);
        return;
      case FRAME.goAway:
        this.#takeGoAway(streamId, input, from, to);
        return;
      case FRAME.priority:
        this.#takePriority(streamId, input, from, to);
        return;
      case FRAME.pushPromise:
        this.fail(ERROR.protocol, 'a push that nobody allowed');
        return;
      default:
        this.#spendControlFrame();
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
    if (length === padding && !isEnd && !this.#spendControlFrame()) return;
    if (padding > 0) stream.consumed(padding);
    const dataFrom = padding > 0 ? from + 1 : from;
    if (length > padding) stream.user?.onStreamData(input, dataFrom, to - Math.max(0, padding - 1));
    if (isEnd && mayReceive(stream.state)) stream.gotEnd(null);
  }

  #refuseData(streamId: number): void {
    if (this.#isIdle(streamId)) this.fail(ERROR.protocol, 'DATA on a stream that was never opened');
    // What was under way when we ended it is no fault, but there is only so much of it.
    else if (this.#resetIds.has(streamId)) this.#spendControlFrame();
    else if (this.#spendReset()) this.writeReset(streamId, ERROR.streamClosed);
  }

  #takeHeaders(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    let at = from;
    let end = to;
    if ((flags & FLAG.padded) !== 0) end -= input[at++] ?? 0;
    if ((flags & FLAG.priority) !== 0) at += 5;
    if (streamId === 0) this.fail(ERROR.protocol, 'HEADERS without a stream');
    else if (at > end) this.fail(ERROR.protocol, 'padding that is longer than its frame');
    if (this.#isOver) return;
    const isOnItself =
      (flags & FLAG.priority) !== 0 && (input.readUInt32BE(at - 5) & STREAM_ID_MAX) === streamId;
    if (isOnItself) {
      this.fail(ERROR.protocol, 'a stream that depends on itself');
      return;
    }
    if ((flags & FLAG.endHeaders) !== 0) this.#takeBlock(flags, streamId, input, at, end);
    else {
      const piece = input.subarray(at, end);
      this.#block = { streamId, flags, parts: [piece], bytes: piece.length };
    }
  }

  #takeContinuation(flags: number, input: Buffer, from: number, to: number): void {
    const block = this.#block;
    if (block === null) {
      this.fail(ERROR.protocol, 'a CONTINUATION of nothing');
      return;
    }
    block.parts.push(input.subarray(from, to));
    block.bytes += to - from;
    if (block.bytes > this.#limits.headBytesMax || block.parts.length > BLOCK_FRAMES_MAX) {
      this.fail(ERROR.enhanceYourCalm, 'a header block that is too large');
      return;
    }
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = null;
    const whole = Buffer.concat(block.parts, block.bytes);
    this.#takeBlock(block.flags, block.streamId, whole, 0, whole.length);
  }

  /** The table follows every block, also of what is then refused. */
  #takeBlock(flags: number, streamId: number, block: Buffer, from: number, to: number): void {
    const stream = this.streams.get(streamId);
    const fields = this.#fieldsFor(stream);
    const reason = this.#decoder.decode(block, from, to, fields);
    if (reason !== null) {
      this.fail(ERROR.compression, reason);
      return;
    }
    fields.finish();
    const isEnd = (flags & FLAG.endStream) !== 0;
    if (stream !== undefined) this.#takeLaterFields(stream, fields, isEnd);
    else if (this.#isServer && fields instanceof RequestFields) this.#takeRequest(streamId, fields, isEnd);
    else if (this.#isIdle(streamId)) this.fail(ERROR.protocol, 'an answer to nothing');
  }

  #fieldsFor(stream: Stream | undefined): MessageFields {
    const listBytesMax = this.#limits.headBytesMax;
    if (stream === undefined) return new RequestFields(listBytesMax);
    return this.#isServer || stream.hasHead
      ? new TrailerFields(listBytesMax)
      : new ResponseFields(listBytesMax);
  }

  #takeRequest(streamId: number, fields: RequestFields, isEnd: boolean): void {
    if (streamId % 2 === 0) this.fail(ERROR.protocol, 'a stream with an even number');
    else if (streamId <= this.lastPeerId) this.#takeLateFields(streamId);
    if (this.#isOver || streamId <= this.lastPeerId) return;
    // Streams beyond what we have said are not looked at: their requests are sent elsewhere.
    if (this.#lastTakenId !== null) return;
    this.lastPeerId = streamId;
    if (this.streams.size >= this.#limits.streamsMax) {
      if (this.#spendReset()) this.writeReset(streamId, ERROR.refusedStream);
      return;
    }
    const stream = this.#newStream(streamId);
    if (fields.flaw !== null) this.streamError(stream, ERROR.protocol);
    else this.#owner.onRequest(stream, fields, isEnd);
    if (isEnd && mayReceive(stream.state)) stream.gotEnd(null);
  }

  /** Of a stream that was closed before (RFC 9113 §5.1). */
  #takeLateFields(streamId: number): void {
    if (this.#resetIds.has(streamId)) this.#spendControlFrame();
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
    if (!this.#spendControlFrame()) return;
    const byteCount = input.readUInt32BE(from) & WINDOW_BYTES_MAX;
    const stream = this.streams.get(streamId);
    if (streamId === 0) this.#widen(byteCount);
    else if (stream !== undefined) {
      if (byteCount === 0) this.streamError(stream, ERROR.protocol);
      else if (!stream.tryShiftSendWindow(byteCount)) this.streamError(stream, ERROR.flowControl);
      else if (this.#waiting.has(stream)) this.#flush();
    } else if (this.#isIdle(streamId))
      this.fail(ERROR.protocol, 'a window of a stream that was never opened');
  }

  #widen(byteCount: number): void {
    this.#sendWindow += byteCount;
    if (byteCount === 0) this.fail(ERROR.protocol, 'a WINDOW_UPDATE by nothing');
    else if (this.#sendWindow > WINDOW_BYTES_MAX)
      this.fail(ERROR.flowControl, 'a window larger than any may be');
    else this.#flush();
  }

  #takeReset(streamId: number, input: Buffer, from: number, to: number): void {
    if (to - from !== 4) this.fail(ERROR.frameSize, 'a RST_STREAM of another size');
    else if (streamId === 0 || this.#isIdle(streamId))
      this.fail(ERROR.protocol, 'a RST_STREAM of a stream that was never opened');
    else if (this.#spendReset()) this.streams.get(streamId)?.gotReset(input.readUInt32BE(from));
  }

  #takeSettings(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    const isAck = (flags & FLAG.ack) !== 0;
    if (streamId !== 0) this.fail(ERROR.protocol, 'SETTINGS of a stream');
    else if ((isAck && to > from) || (to - from) % 6 !== 0)
      this.fail(ERROR.frameSize, 'SETTINGS of another size');
    if (this.#isOver || (this.#hasSettings && !isAck && !this.#spendReply())) return;
    if (isAck) {
      if (this.#spendControlFrame()) this.#applyOwnSettings();
      return;
    }
    // A peer that says nothing of streams sets no limit.
    if (!this.#hasSettings) this.peerStreamsMax = Number.POSITIVE_INFINITY;
    this.#hasSettings = true;
    for (let at = from; at < to && !this.#isOver; at += 6)
      this.#applySetting(input.readUInt16BE(at), input.readUInt32BE(at + 2));
    if (this.#isOver) return;
    this.#sink.writeBytes(SETTINGS_ACK);
    this.#flush();
    this.#owner.onSettled();
  }

  #applyOwnSettings(): void {
    const shift = this.#limits.streamWindowBytes - this.#ownWindowBytes;
    this.#ownWindowBytes = this.#limits.streamWindowBytes;
    for (const stream of this.streams.values()) stream.shiftReceiveWindow(shift);
  }

  #applySetting(id: number, value: number): void {
    switch (id) {
      case SETTING.enablePush:
        if (value > 1) this.fail(ERROR.protocol, 'an ENABLE_PUSH that is neither 0 nor 1');
        return;
      case SETTING.maxConcurrentStreams:
        this.peerStreamsMax = value;
        return;
      case SETTING.initialWindowSize:
        if (value > WINDOW_BYTES_MAX) this.fail(ERROR.flowControl, 'a window larger than any may be');
        else this.#shiftSendWindows(value - this.#peerWindowBytes);
        return;
      case SETTING.maxFrameSize:
        if (value < FRAME_BYTES_MAX || value >= 2 ** 24)
          this.fail(ERROR.protocol, 'a MAX_FRAME_SIZE that none may have');
    }
  }

  #shiftSendWindows(byteCount: number): void {
    this.#peerWindowBytes += byteCount;
    for (const stream of this.streams.values()) {
      if (stream.tryShiftSendWindow(byteCount)) continue;
      this.fail(ERROR.flowControl, 'a window larger than any may be');
      return;
    }
  }

  #takePing(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    if (streamId !== 0) this.fail(ERROR.protocol, 'PING of a stream');
    else if (to - from !== 8) this.fail(ERROR.frameSize, 'a PING of another size');
    if (this.#isOver) return;
    if ((flags & FLAG.ack) === 0) {
      if (this.#spendReply()) this.#sink.writeBytes(frame(FRAME.ping, FLAG.ack, 0, input.subarray(from, to)));
      return;
    }
    if (!this.#spendControlFrame()) return;
    if (this.#isLeaving && LEAVING.compare(input, from, to) === 0) this.leaveNow();
    this.#owner.onSettled();
  }

  #takeGoAway(streamId: number, input: Buffer, from: number, to: number): void {
    if (streamId !== 0) this.fail(ERROR.protocol, 'GOAWAY of a stream');
    else if (to - from < 8) this.fail(ERROR.frameSize, 'a GOAWAY of another size');
    if (this.#isOver || !this.#spendControlFrame()) return;
    this.hasPeerLeft = true;
    const lastId = input.readUInt32BE(from) & STREAM_ID_MAX;
    // What we asked beyond that was not looked at.
    for (const stream of [...this.streams.values()]) {
      if (!this.#isServer && stream.id > lastId) stream.gotReset(ERROR.refusedStream);
    }
    this.#owner.onSettled();
  }

  /** RFC 9113 §5.3.2: nothing follows from it. */
  #takePriority(streamId: number, input: Buffer, from: number, to: number): void {
    if (streamId === 0) this.fail(ERROR.protocol, 'PRIORITY without a stream');
    else if (to - from !== 5) this.fail(ERROR.frameSize, 'a PRIORITY of another size');
    else if ((input.readUInt32BE(from) & STREAM_ID_MAX) === streamId)
      this.fail(ERROR.protocol, 'a stream that depends on itself');
    else this.#spendControlFrame();
  }

  /** What is wrong concerns one stream only (RFC 9113 §5.4.2). */
  streamError(stream: Stream, code: number): void {
    if (!this.#spendReset()) return;
    const { user } = stream;
    stream.reset(code);
    user?.onStreamReset(code);
  }

  #newStream(id: number): Stream {
    const stream = new Stream(this, id, this.#peerWindowBytes, this.#ownWindowBytes);
    this.streams.set(id, stream);
    stream.opened();
    return stream;
  }

  /** Nobody has opened it yet. */
  #isIdle(streamId: number): boolean {
    const isOwn = (streamId % 2 === 1) !== this.#isServer;
    return isOwn ? streamId >= this.#nextOwnId || this.#isServer : streamId > this.lastPeerId;
  }

  #spendControlFrame(): boolean {
    if (this.#controlFrames.trySpend(this.#clock.nowMs)) return true;
    this.fail(ERROR.enhanceYourCalm, 'too many frames that carry nothing');
    return false;
  }

  #spendReset(): boolean {
    if (this.#resets.trySpend(this.#clock.nowMs)) return true;
    this.fail(ERROR.enhanceYourCalm, 'too many streams that are reset');
    return false;
  }

  /** For frames that want one back: a peer that does not read them gets no more. */
  #spendReply(): boolean {
    if (!this.#spendControlFrame()) return false;
    if (this.#sink.backlogBytes <= this.#limits.replyBacklogBytesMax) return true;
    this.fail(ERROR.enhanceYourCalm, 'replies that are not read');
    return false;
  }

  /** Each stream in turn, as long as windows and socket take something. */
  #flush(): void {
    let isMoving = true;
    while (isMoving && this.#sink.backlogBytes === 0 && this.#sendWindow > 0) {
      isMoving = false;
      for (const stream of [...this.#waiting]) {
        if (this.#sink.backlogBytes > 0 || this.#sendWindow <= 0) return;
        const before = stream.queuedBytes;
        this.#waiting.delete(stream);
        if (!stream.flush(TURN_BYTES)) this.#waiting.add(stream);
        if (stream.queuedBytes !== before) isMoving = true;
      }
    }
  }

  #writeFrameHead(length: number, type: number, flags: number, streamId: number): void {
    writeFrameHead(this.#frameHead, length, type, flags, streamId);
    this.#sink.writeBytes(this.#frameHead, 0, FRAME_HEAD_BYTES);
  }

  #writeLargeHead(streamId: number, block: Buffer, endStream: number): void {
    for (let at = 0; at < block.length; at += FRAME_BYTES_MAX) {
      const end = Math.min(block.length, at + FRAME_BYTES_MAX);
      const flags = (at === 0 ? endStream : 0) | (end === block.length ? FLAG.endHeaders : 0);
      this.#writeFrameHead(end - at, at === 0 ? FRAME.headers : FRAME.continuation, flags, streamId);
      this.#sink.writeBytes(block, at, end);
    }
  }
}

const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0, EMPTY);
const LEAVING = Buffer.from('luma-bye', 'latin1');
const ASKING = Buffer.from('luma-ask', 'latin1');
