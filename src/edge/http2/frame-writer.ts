/**
 * Frames on their way out of one connection: header blocks in as many as it takes, data as windows and socket allow.
 * Owns the connection's send window, and which streams wait for their turn.
 */
import type { FrameBudget } from './frame-budget.ts';
import { FLAG, FRAME, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, WINDOW_BYTES, writeFrameHead } from './frames.ts';
import { NO_TABLE } from './hpack-encoder.ts';

/** Where bytes go; it says what was not taken yet. */
export interface SessionSink {
  readonly backlogBytes: number;
  writeBytes(bytes: Buffer, from?: number, to?: number): void;
}

/** A stream, as far as its turn goes. */
export interface SendingStream {
  readonly id: number;
  sendWindow: number;
  readonly queuedBytes: number;
  /** Sends at most so many bytes of what waits. True: nothing waits any more. */
  flush(byteCountMax: number): boolean;
}

/** A piece of each stream's turn, so that one does not wait for all of another's. */
const TURN_BYTES = FRAME_BYTES_MAX;
/** A DATA frame that leaves pays for the WINDOW_UPDATE frames that answer it. */
const FRAMES_PER_DATA = 4;

export class FrameWriter {
  /** Of DATA, in all. */
  sentBytes = 0;
  /** What the peer still takes of all streams together. */
  window = WINDOW_BYTES;
  readonly sink: SessionSink;
  readonly #controlFrames: FrameBudget;
  readonly #frameHead = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  /** Streams with something to send that nobody takes now, in turn. */
  readonly #waiting = new Set<SendingStream>();
  #isTableSaid = false;

  /** `controlFrames`: what the peer may send of frames that carry nothing. */
  constructor(sink: SessionSink, controlFrames: FrameBudget) {
    this.sink = sink;
    this.#controlFrames = controlFrames;
  }

  /** A whole header block, in as many frames as it takes. */
  head(streamId: number, block: Buffer, ownBlock: Buffer | null, isEnd: boolean): void {
    const pieces = ownBlock === null ? [block] : [block, ownBlock];
    if (!this.#isTableSaid) {
      this.#isTableSaid = true;
      pieces.unshift(NO_TABLE);
    }
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const endStream = isEnd ? FLAG.endStream : 0;
    if (length <= FRAME_BYTES_MAX) {
      this.#frame(length, FRAME.headers, endStream | FLAG.endHeaders, streamId);
      for (const piece of pieces) this.sink.writeBytes(piece, 0, piece.length);
    } else this.#largeHead(streamId, Buffer.concat(pieces), endStream);
  }

  /** How many bytes windows and socket took. The end goes with the last of them. */
  data(stream: SendingStream, bytes: Buffer, from: number, to: number, isEnd: boolean): number {
    let at = from;
    while (at < to && this.sink.backlogBytes === 0) {
      const room = Math.min(FRAME_BYTES_MAX, this.window, stream.sendWindow);
      if (room <= 0) break;
      const end = Math.min(to, at + room);
      this.#frame(end - at, FRAME.data, isEnd && end === to ? FLAG.endStream : 0, stream.id);
      this.sink.writeBytes(bytes, at, end);
      this.sentBytes += end - at;
      this.window -= end - at;
      stream.sendWindow -= end - at;
      this.#controlFrames.earn(FRAMES_PER_DATA);
      at = end;
    }
    return at - from;
  }

  end(streamId: number): void {
    this.#frame(0, FRAME.data, FLAG.endStream, streamId);
  }

  waits(stream: SendingStream): void {
    this.#waiting.add(stream);
  }

  isWaiting(stream: SendingStream): boolean {
    return this.#waiting.has(stream);
  }

  forget(stream: SendingStream): void {
    this.#waiting.delete(stream);
  }

  /** Each stream in turn, as long as windows and socket take something. */
  flush(): void {
    let isMoving = true;
    while (isMoving && this.sink.backlogBytes === 0 && this.window > 0) {
      isMoving = false;
      for (const stream of [...this.#waiting]) {
        if (this.sink.backlogBytes > 0 || this.window <= 0) return;
        const before = stream.queuedBytes;
        this.#waiting.delete(stream);
        if (!stream.flush(TURN_BYTES)) this.#waiting.add(stream);
        if (stream.queuedBytes !== before) isMoving = true;
      }
    }
  }

  #frame(length: number, type: number, flags: number, streamId: number): void {
    writeFrameHead(this.#frameHead, length, type, flags, streamId);
    this.sink.writeBytes(this.#frameHead, 0, FRAME_HEAD_BYTES);
  }

  #largeHead(streamId: number, block: Buffer, endStream: number): void {
    for (let at = 0; at < block.length; at += FRAME_BYTES_MAX) {
      const end = Math.min(block.length, at + FRAME_BYTES_MAX);
      const flags = (at === 0 ? endStream : 0) | (end === block.length ? FLAG.endHeaders : 0);
      this.#frame(end - at, at === 0 ? FRAME.headers : FRAME.continuation, flags, streamId);
      this.sink.writeBytes(block, at, end);
    }
  }
}
