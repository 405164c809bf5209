/**
 * What a peer says of the connection as a whole, and of no stream: SETTINGS, PING, GOAWAY, PRIORITY (RFC 9113 §6). Owns
 * nothing: settings and departure keep what was said, streams hear what follows.
 */
import type { Departure } from './departure.ts';
import type { FrameWriter } from './frame-writer.ts';
import { ERROR, FLAG, FRAME, frame, STREAM_ID_MAX } from './frames.ts';
import type { PeerBudget } from './peer-budget.ts';
import type { Settings } from './settings.ts';
import type { Stream } from './stream.ts';

/** The session, as far as these frames go. */
export interface FramedConnection {
  readonly isServer: boolean;
  readonly isOver: boolean;
  readonly streams: ReadonlyMap<number, Stream>;
  readonly writer: FrameWriter;
  readonly settings: Settings;
  readonly departure: Departure;
  readonly budget: PeerBudget;
  leaveNow(): void;
  fail(code: number, reason: string): void;
  /** The peer has said something that changes what may be done. */
  settled(): void;
}

const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0);

export class ConnectionFrames {
  readonly #connection: FramedConnection;

  constructor(connection: FramedConnection) {
    this.#connection = connection;
  }

  settings(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    const { settings, budget, writer } = this.#connection;
    const isAck = (flags & FLAG.ack) !== 0;
    if (streamId !== 0) this.#connection.fail(ERROR.protocol, 'SETTINGS of a stream');
    else if ((isAck && to > from) || (to - from) % 6 !== 0)
      this.#connection.fail(ERROR.frameSize, 'SETTINGS of another size');
    if (this.#connection.isOver || (settings.hasPeers && !isAck && !budget.spendReply())) return;
    if (isAck) {
      if (budget.spendControlFrame()) this.#applyOwn();
      return;
    }
    const shift = settings.take(input, from, to);
    if (typeof shift === 'number') this.#shiftSendWindows(shift);
    else this.#connection.fail(shift.code, shift.reason);
    if (this.#connection.isOver) return;
    writer.sink.writeBytes(SETTINGS_ACK);
    writer.flush();
    this.#connection.settled();
  }

  #applyOwn(): void {
    const shift = this.#connection.settings.acknowledged();
    for (const stream of this.#connection.streams.values()) stream.shiftReceiveWindow(shift);
  }

  #shiftSendWindows(byteCount: number): void {
    for (const stream of this.#connection.streams.values()) {
      if (stream.tryShiftSendWindow(byteCount)) continue;
      this.#connection.fail(ERROR.flowControl, 'a window larger than any may be');
      return;
    }
  }

  ping(flags: number, streamId: number, input: Buffer, from: number, to: number): void {
    const { budget, writer, departure } = this.#connection;
    if (streamId !== 0) this.#connection.fail(ERROR.protocol, 'PING of a stream');
    else if (to - from !== 8) this.#connection.fail(ERROR.frameSize, 'a PING of another size');
    if (this.#connection.isOver) return;
    if ((flags & FLAG.ack) === 0) {
      const reply = input.subarray(from, to);
      if (budget.spendReply()) writer.sink.writeBytes(frame(FRAME.ping, FLAG.ack, 0, reply));
      return;
    }
    if (!budget.spendControlFrame()) return;
    if (departure.isHeard(input, from, to)) this.#connection.leaveNow();
    this.#connection.settled();
  }

  goAway(streamId: number, input: Buffer, from: number, to: number): void {
    const { isServer, streams, budget, departure } = this.#connection;
    if (streamId !== 0) this.#connection.fail(ERROR.protocol, 'GOAWAY of a stream');
    else if (to - from < 8) this.#connection.fail(ERROR.frameSize, 'a GOAWAY of another size');
    if (this.#connection.isOver || !budget.spendControlFrame()) return;
    departure.hasPeerLeft = true;
    const lastId = input.readUInt32BE(from) & STREAM_ID_MAX;
    // What we asked beyond that was not looked at.
    for (const stream of [...streams.values()]) {
      if (!isServer && stream.id > lastId) stream.gotReset(ERROR.refusedStream);
    }
    this.#connection.settled();
  }

  /** RFC 9113 §5.3.2: nothing follows from it. */
  priority(streamId: number, input: Buffer, from: number, to: number): void {
    if (streamId === 0) this.#connection.fail(ERROR.protocol, 'PRIORITY without a stream');
    else if (to - from !== 5) this.#connection.fail(ERROR.frameSize, 'a PRIORITY of another size');
    else if ((input.readUInt32BE(from) & STREAM_ID_MAX) === streamId)
      this.#connection.fail(ERROR.protocol, 'a stream that depends on itself');
    else this.#connection.budget.spendControlFrame();
  }
}
