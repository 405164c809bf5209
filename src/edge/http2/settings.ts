/**
 * What both sides of one connection have said of it in SETTINGS (RFC 9113 §6.5). Owns what is in force; streams hear of
 * changed windows from their session.
 */
import {
  ERROR,
  FRAME_BYTES_MAX,
  type PeerFlaw,
  peerFlaw,
  SETTING,
  settingsFrame,
  WINDOW_BYTES,
  WINDOW_BYTES_MAX,
} from './frames.ts';
import type { SessionLimits } from './session-limits.ts';

/** RFC 9113 §6.5.2: no honest server takes fewer. */
const STREAMS_UNTIL_SETTINGS = 100;

const BAD_PUSH = peerFlaw(ERROR.protocol, 'an ENABLE_PUSH that is neither 0 nor 1');
const LARGE_WINDOW = peerFlaw(ERROR.flowControl, 'a window larger than any may be');
const BAD_FRAME_SIZE = peerFlaw(ERROR.protocol, 'a MAX_FRAME_SIZE that none may have');

export class Settings {
  /** The peer has said what it allows. */
  hasPeers = false;
  /** What the peer lets us open; what it is thought to before it says so. */
  peerStreamsMax = STREAMS_UNTIL_SETTINGS;
  /** What we may send on a new stream. */
  peerWindowBytes = WINDOW_BYTES;
  /** What the peer believes that it may send on a new stream: ours once it has acknowledged our settings. */
  ownWindowBytes = WINDOW_BYTES;
  readonly #limits: SessionLimits;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  own(isServer: boolean): Buffer {
    const { streamsMax, headBytesMax, streamWindowBytes } = this.#limits;
    return settingsFrame([
      isServer ? [SETTING.maxConcurrentStreams, streamsMax] : [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, streamWindowBytes],
      [SETTING.maxHeaderListSize, headBytesMax],
      ...(isServer ? [[SETTING.enableConnectProtocol, 1] as const] : []),
    ]);
  }

  /** The peer has heard ours. By how much streams' receive windows change. */
  acknowledged(): number {
    const shift = this.#limits.streamWindowBytes - this.ownWindowBytes;
    this.ownWindowBytes = this.#limits.streamWindowBytes;
    return shift;
  }

  /** The peer's, which lie between `from` and `to`. By how much streams' send windows change. */
  take(input: Buffer, from: number, to: number): PeerFlaw | number {
    // A peer that says nothing of streams sets no limit.
    if (!this.hasPeers) this.peerStreamsMax = Number.POSITIVE_INFINITY;
    this.hasPeers = true;
    const before = this.peerWindowBytes;
    for (let at = from; at < to; at += 6) {
      const flaw = this.#apply(input.readUInt16BE(at), input.readUInt32BE(at + 2));
      if (flaw !== null) return flaw;
    }
    return this.peerWindowBytes - before;
  }

  #apply(id: number, value: number): PeerFlaw | null {
    switch (id) {
      case SETTING.enablePush:
        return value > 1 ? BAD_PUSH : null;
      case SETTING.maxConcurrentStreams:
        this.peerStreamsMax = value;
        return null;
      case SETTING.initialWindowSize:
        if (value > WINDOW_BYTES_MAX) return LARGE_WINDOW;
        this.peerWindowBytes = value;
        return null;
      case SETTING.maxFrameSize:
        return value < FRAME_BYTES_MAX || value >= 2 ** 24 ? BAD_FRAME_SIZE : null;
      default:
        return null;
    }
  }
}
