/**
 * One stream: its state, its windows, and what waits to be sent on it. Owned by its session; whoever uses it hears what
 * comes by StreamUser, and sends by the methods here. What the windows or the socket do not take is kept, and told.
 */
import { assert } from '../../base/errors.ts';
import { ERROR, WINDOW_BYTES_MAX } from './frames.ts';
import type { ResponseFields } from './message-fields.ts';
import type { Session } from './session.ts';
import { mayReceive, maySend, nextStreamState, type StreamEvent, type StreamState } from './stream-state.ts';

export interface StreamUser {
  /** Of an answer, interim ones too: only where we asked. */
  onStreamHead(fields: ResponseFields, isEnd: boolean): void;
  /** The bytes belong to the receiver, who says `consumed` when it has no more use for them. */
  onStreamData(bytes: Buffer, from: number, to: number): void;
  /** The peer will send nothing more. `trailers`: whole lines; null: none came. */
  onStreamEnd(trailers: string | null): void;
  /** Last: by the peer, by what it did wrong, or because the connection is gone. */
  onStreamReset(code: number): void;
  /** Last: both sides have said everything. */
  onStreamDone(): void;
  /** Something waits to be sent: stop producing until `onStreamWritable`. */
  onStreamClogged(): void;
  onStreamWritable(): void;
}

export class Stream {
  user: StreamUser | null = null;
  sendWindow: number;
  receiveWindow: number;
  /** Client role: the final head of the answer has come. */
  hasHead = false;
  readonly #session: Session;
  #state: StreamState = 'idle';
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #takenBytes = 0;
  /** How much of the first piece has been sent. */
  #queueFrom = 0;
  #isEndWanted = false;
  #isInputAbandoned = false;
  #trailers: Buffer | null = null;
  /** What the receive window is filled up to. */
  #receiveWindowMax: number;
  /** Consumed, and not yet given back to the peer. */
  #owedBytes = 0;

  constructor(
    session: Session,
    readonly id: number,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.#session = session;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.#receiveWindowMax = receiveWindow;
  }

  get state(): StreamState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Of what waited, so far: it grows as long as the peer gives windows. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** A header block. */
  sendHead(block: Buffer, ownBlock: Buffer | null, isEnd: boolean): void {
    if (!maySend(this.#state)) return;
    this.#session.writer.head(this.id, block, ownBlock, isEnd);
    if (isEnd) this.#move('sent-end');
  }

  sendData(bytes: Buffer, from: number, to: number, isEnd: boolean): void {
    if (!maySend(this.#state) || this.#isEndWanted) return;
    const isClear = this.#queuedBytes === 0;
    const at = isClear ? from + this.#session.writer.data(this, bytes, from, to, isEnd) : from;
    if (at < to) {
      this.#isEndWanted = isEnd;
      this.#keep(bytes, at, to);
    } else if (isEnd) {
      if (isClear && from < to) this.#move('sent-end');
      else this.sendEnd(null);
    }
  }

  /** Nothing more follows; `trailers` is a header block. */
  sendEnd(trailers: Buffer | null): void {
    if (!maySend(this.#state) || this.#isEndWanted) return;
    this.#isEndWanted = true;
    this.#trailers = trailers;
    if (this.#queuedBytes === 0) this.#finish();
  }

  /** Ends both directions at once. The user hears nothing more. */
  reset(code: number): void {
    if (this.#state === 'closed') return;
    this.user = null;
    this.#session.writeReset(this.id, code);
    this.#move('reset');
  }

  /** The user has no more use for so many bytes that came. */
  consumed(byteCount: number): void {
    this.#session.consumed(byteCount);
    if (this.#state !== 'open' && this.#state !== 'half-closed-local') return;
    this.#owedBytes += byteCount;
    if (this.#owedBytes * 2 >= this.#receiveWindowMax) this.#widen();
  }

  /** So many bytes came that nobody wants: the stream's window stays as it is. */
  discarded(byteCount: number): void {
    this.#session.consumed(byteCount);
  }

  /** What the peer still sends is not wanted: it hears so once everything has been said to it (RFC 9113 §8.1). */
  abandonInput(): void {
    this.#isInputAbandoned = true;
    if (this.#state === 'half-closed-local') this.#abandon();
  }

  /** The user takes more at once from now on. */
  widenTo(receiveWindowMax: number): void {
    if (receiveWindowMax <= this.#receiveWindowMax) return;
    this.#owedBytes += receiveWindowMax - this.#receiveWindowMax;
    this.#receiveWindowMax = receiveWindowMax;
    if (this.#state === 'open' || this.#state === 'half-closed-local') this.#widen();
  }

  #widen(): void {
    this.receiveWindow += this.#owedBytes;
    this.#session.writeWindow(this.id, this.#owedBytes);
    this.#owedBytes = 0;
  }

  /** For the session: what we allow each stream has changed for the peer. */
  shiftReceiveWindow(byteCount: number): void {
    this.receiveWindow += byteCount;
    this.#receiveWindowMax += byteCount;
  }

  /** For the session. False: the window would be larger than any may be (RFC 9113 §6.9.1). */
  tryShiftSendWindow(byteCount: number): boolean {
    this.sendWindow += byteCount;
    return this.sendWindow <= WINDOW_BYTES_MAX;
  }

  /** For the session: sends what may be sent now, at most so many bytes. True: nothing waits any more. */
  flush(byteCountMax: number): boolean {
    let left = byteCountMax;
    while (this.#queuedBytes > 0 && left > 0) {
      const piece = this.#queue[0];
      assert(piece !== undefined, 'what is queued is there');
      const to = Math.min(piece.length, this.#queueFrom + left);
      const isLast = to - this.#queueFrom === this.#queuedBytes;
      const isEnd = isLast && this.#isEndWanted && this.#trailers === null;
      const sent = this.#session.writer.data(this, piece, this.#queueFrom, to, isEnd);
      if (sent === 0) return false;
      this.#queueFrom += sent;
      this.#queuedBytes -= sent;
      this.#takenBytes += sent;
      left -= sent;
      if (this.#queueFrom === piece.length) {
        this.#queue.shift();
        this.#queueFrom = 0;
      }
      if (isEnd && this.#queuedBytes === 0) {
        this.#move('sent-end');
        return true;
      }
    }
    if (this.#queuedBytes > 0) return false;
    if (this.#isEndWanted) this.#finish();
    else this.user?.onStreamWritable();
    return true;
  }

  /** For the session. */
  opened(): void {
    this.#move('opened');
  }

  /** For the session. The user hears of it first: what it says to that may be its own end. */
  gotEnd(trailers: string | null): void {
    this.user?.onStreamEnd(trailers);
    if (mayReceive(this.#state)) this.#move('got-end');
  }

  /** For the session: the peer, or the connection, has ended it. */
  gotReset(code: number): void {
    if (this.#state === 'closed') return;
    const { user } = this;
    this.user = null;
    this.#move('reset');
    user?.onStreamReset(code);
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const wasClear = this.#queuedBytes === 0;
    // A copy: a slice would keep a large buffer alive for a few bytes.
    this.#queue.push(Buffer.from(bytes.subarray(from, to)));
    this.#queuedBytes += to - from;
    this.#session.writer.waits(this);
    if (wasClear) this.user?.onStreamClogged();
  }

  #finish(): void {
    if (this.#trailers === null) this.#session.writer.end(this.id);
    else this.#session.writer.head(this.id, this.#trailers, null, true);
    this.#move('sent-end');
  }

  #abandon(): void {
    const { user } = this;
    this.reset(ERROR.none);
    user?.onStreamDone();
  }

  #move(event: StreamEvent): void {
    const next = nextStreamState(this.#state, event);
    if (next === null) throw new Error(`a stream that is ${this.#state} is never ${event}`);
    this.#state = next;
    if (next === 'half-closed-local' && this.#isInputAbandoned) {
      this.#abandon();
      return;
    }
    if (next !== 'closed') return;
    this.#queue = [];
    this.#queuedBytes = 0;
    const { user } = this;
    this.user = null;
    this.#session.closed(this);
    if (event !== 'reset') user?.onStreamDone();
  }
}
