/**
 * Bytes of a connection to whole frames, the same for every split of the input. Owns what has come of a frame that is
 * not complete; what a frame means is its taker's business.
 */
import { ERROR, FRAME, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, PREFACE, STREAM_ID_MAX } from './frames.ts';

export interface FrameTaker {
  /** Nothing more is to be read. */
  readonly isOver: boolean;
  /** The payload is what lies between `from` and `to`. */
  onFrame(type: number, flags: number, streamId: number, input: Buffer, from: number, to: number): void;
  fail(code: number, reason: string): void;
}

export class FrameReader {
  readonly #taker: FrameTaker;
  #hasPreface: boolean;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #neededBytes = 0;
  #isDataPending = false;

  /** `hasPreface`: none is expected, or no more. */
  constructor(taker: FrameTaker, hasPreface: boolean) {
    this.#taker = taker;
    this.#hasPreface = hasPreface;
  }

  /** Something other than DATA has begun to come. */
  get isInTheMiddle(): boolean {
    return this.#partsBytes > 0 && !this.#isDataPending;
  }

  receive(bytes: Buffer): void {
    const input = this.#gather(bytes);
    if (input === null) return;
    let at = this.#hasPreface ? 0 : this.#takePreface(input);
    if (at < 0) return;
    while (input.length - at >= FRAME_HEAD_BYTES) {
      const length = (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]!;
      if (length > FRAME_BYTES_MAX) {
        this.#taker.fail(ERROR.frameSize, 'a frame that is too large');
        return;
      }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > input.length) break;
      const streamId = input.readUInt32BE(at + 5) & STREAM_ID_MAX;
      this.#taker.onFrame(input[at + 3]!, input[at + 4]!, streamId, input, at + FRAME_HEAD_BYTES, end);
      if (this.#taker.isOver) return;
      at = end;
    }
    this.#keep(input, at);
  }

  clear(): void {
    this.#parts = [];
    this.#partsBytes = 0;
  }

  /** Null: not even the next frame is complete. Pieces are put together once, not with each that comes. */
  #gather(bytes: Buffer): Buffer | null {
    if (this.#partsBytes === 0) return bytes;
    this.#parts.push(bytes);
    this.#partsBytes += bytes.length;
    if (this.#partsBytes < this.#neededBytes) return null;
    const input = Buffer.concat(this.#parts, this.#partsBytes);
    this.clear();
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
      this.#taker.fail(ERROR.protocol, 'no connection preface');
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
}
