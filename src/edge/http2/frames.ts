/** Frames as bytes (RFC 9113 §4, §6): their types, flags, codes, and how they are written. No state. */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 §7. */
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** RFC 9113 §6.5.2, RFC 8441 §3. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

/** What a peer did wrong so that its connection cannot go on. */
export interface PeerFlaw {
  readonly code: number;
  readonly reason: string;
}

export function peerFlaw(code: number, reason: string): PeerFlaw {
  return { code, reason };
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const FRAME_HEAD_BYTES = 9;
/** What every peer takes, and what we take. */
export const FRAME_BYTES_MAX = 16_384;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** Before settings say otherwise. */
export const WINDOW_BYTES = 65_535;
export const STREAM_ID_MAX = 2 ** 31 - 1;

export function writeFrameHead(
  bytes: Buffer,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[0] = length >>> 16;
  bytes[1] = length >>> 8;
  bytes[2] = length;
  bytes[3] = type;
  bytes[4] = flags;
  bytes[5] = streamId >>> 24;
  bytes[6] = streamId >>> 16;
  bytes[7] = streamId >>> 8;
  bytes[8] = streamId;
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  writeFrameHead(bytes, payload.length, type, flags, streamId);
  payload.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
}

const NOTHING = Buffer.alloc(0);

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export function goAwayFrame(lastStreamId: number, code: number, reason: string): Buffer {
  const payload = Buffer.alloc(8 + reason.length);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(code, 4);
  payload.write(reason, 8, 'latin1');
  return frame(FRAME.goAway, 0, 0, payload);
}

/** RST_STREAM's code, or WINDOW_UPDATE's increment. */
export function numberFrame(type: number, streamId: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return frame(type, 0, streamId, payload);
}
