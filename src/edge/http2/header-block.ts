/**
 * A header block as it comes: in a HEADERS frame alone, or with CONTINUATION frames after it, between which nothing else
 * may come (RFC 9113 §6.10). One per connection; owns the block that has begun and is not whole.
 */
import { ERROR, FLAG, type PeerFlaw, peerFlaw, STREAM_ID_MAX } from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import type { MessageFields } from './message-fields.ts';

/** Frames of one header block: no honest peer needs more than the limit of bytes asks for. */
const BLOCK_FRAMES_MAX = 16;
const EMPTY = Buffer.alloc(0);

const NO_STREAM = peerFlaw(ERROR.protocol, 'HEADERS without a stream');
const BAD_PADDING = peerFlaw(ERROR.protocol, 'padding that is longer than its frame');
const ON_ITSELF = peerFlaw(ERROR.protocol, 'a stream that depends on itself');
const OF_NOTHING = peerFlaw(ERROR.protocol, 'a CONTINUATION of nothing');
const TOO_LARGE = peerFlaw(ERROR.enhanceYourCalm, 'a header block that is too large');

export class HeaderBlock {
  /** What the peer said with it. */
  streamId = 0;
  flags = 0;
  readonly #bytesMax: number;
  /** Its table follows every block, also of what is then refused. */
  readonly #decoder = new HpackDecoder();
  /** Where it lies when it is whole. */
  #bytes: Buffer = EMPTY;
  #from = 0;
  #to = 0;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #isOpen = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** It has begun, and is not whole. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  headers(
    flags: number,
    streamId: number,
    input: Buffer,
    from: number,
    to: number,
  ): PeerFlaw | 'open' | 'whole' {
    let at = from;
    let end = to;
    if ((flags & FLAG.padded) !== 0) end -= input[at++] ?? 0;
    if ((flags & FLAG.priority) !== 0) at += 5;
    if (streamId === 0) return NO_STREAM;
    if (at > end) return BAD_PADDING;
    const hasParent = (flags & FLAG.priority) !== 0;
    if (hasParent && (input.readUInt32BE(at - 5) & STREAM_ID_MAX) === streamId) return ON_ITSELF;
    this.streamId = streamId;
    this.flags = flags;
    if ((flags & FLAG.endHeaders) !== 0) return this.#whole(input, at, end);
    this.#isOpen = true;
    this.#parts = [input.subarray(at, end)];
    this.#partsBytes = end - at;
    return 'open';
  }

  continuation(flags: number, input: Buffer, from: number, to: number): PeerFlaw | 'open' | 'whole' {
    if (!this.#isOpen) return OF_NOTHING;
    this.#parts.push(input.subarray(from, to));
    this.#partsBytes += to - from;
    if (this.#partsBytes > this.#bytesMax || this.#parts.length > BLOCK_FRAMES_MAX) return TOO_LARGE;
    if ((flags & FLAG.endHeaders) === 0) return 'open';
    const whole = Buffer.concat(this.#parts, this.#partsBytes);
    this.clear();
    return this.#whole(whole, 0, whole.length);
  }

  /** Of a whole block. Null: it is well made; otherwise what is wrong with it. */
  decodeInto(fields: MessageFields): string | null {
    const bytes = this.#bytes;
    // What came with it in one piece is not kept alive for it.
    this.#bytes = EMPTY;
    return this.#decoder.decode(bytes, this.#from, this.#to, fields);
  }

  clear(): void {
    this.#isOpen = false;
    this.#parts = [];
    this.#partsBytes = 0;
  }

  #whole(bytes: Buffer, from: number, to: number): 'whole' {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    return 'whole';
  }
}
