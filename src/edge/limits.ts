/** Every bound of the edge: its name (unit last), its default, and what happens at it. */

/** So many at once, then so many a second. */
export interface FrameRate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface EdgeLimits {
  /** Bytes of a request line and its fields; beyond: 431. */
  readonly requestHeadBytesMax: number;
  /** Bytes of a request target; beyond: 414. */
  readonly requestTargetBytesMax: number;
  /** Fields of a request or response head; beyond: 431 or 502. */
  readonly headFieldsMax: number;
  /** Bytes of an upstream's status line and fields; beyond: 502. */
  readonly responseHeadBytesMax: number;
  /** Interim (1xx) answers before the final one; beyond: 502. */
  readonly interimAnswersMax: number;
  /** Bytes of one chunk-size line with its extensions; beyond: 400 or a broken answer. */
  readonly chunkLineBytesMax: number;
  /** Bytes of a trailer section; beyond: 400 or a broken answer. */
  readonly trailerBytesMax: number;
  /** Unread bytes of a client that make the edge stop reading it, while its exchange runs. */
  readonly readAheadBytesMax: number;
  /** The same while its request is held. */
  readonly heldBodyBytesMax: number;
  /** Requests held for one service; beyond: 503. */
  readonly heldPerServiceMax: number;
  /** Requests held in all by this worker; beyond: 503. */
  readonly heldMax: number;
  /** Open client connections of this worker; beyond: 503 and close. */
  readonly clientConnectionsMax: number;
  /** Open connections of this worker to targets; beyond: a request that needs one waits `retryMs`, then 503. */
  readonly upstreamConnectionsMax: number;
  /** Connections over a cap that are told so at the same time; beyond: closed without a word. */
  readonly turnedAwayMax: number;
  /** Bytes of a PROXY header with its extensions; beyond: closed without a word. */
  readonly proxyHeaderBytesMax: number;
  /** Idle connections kept per target. */
  readonly idlePerTargetMax: number;
  /** Idle connections kept in all by this worker. */
  readonly idleMax: number;
  /** How long an unused upstream connection is kept, milliseconds. Shorter than Node's 5 s, the shortest in wide use. */
  readonly upstreamIdleMs: number;
  /** A request that cannot be repeated safely takes a kept connection only if it was used within this, milliseconds. */
  readonly unsafeReuseIdleMs: number;
  /** Silence of an HTTP/2 target that owes answers, until it is asked with a PING, milliseconds. */
  readonly upstreamPingMs: number;
  /** Until it must have answered that, milliseconds; beyond: its answers are cut. */
  readonly upstreamPongMs: number;
  /** From the first byte of a request head to its last, milliseconds; beyond: 408. */
  readonly requestHeadMs: number;
  /** Bytes of a ClientHello; beyond: refused. */
  readonly clientHelloBytesMax: number;
  /** From the accepted connection to the end of its TLS handshake, milliseconds; beyond: closed. */
  readonly tlsHandshakeMs: number;
  /** Hosts without certificate that handshakes wait for at once; beyond: refused. */
  readonly certificateDemandsMax: number;
  /** Certificates that are kept loaded; beyond, the one used longest ago is read again when it is asked for. */
  readonly secureContextsMax: number;
  /** Between two requests of a connection, milliseconds; beyond: closed without a word. */
  readonly keepAliveIdleMs: number;
  /** Until a connection to a target is made, milliseconds. */
  readonly connectMs: number;
  /** A client that owes body bytes and sends none, milliseconds; beyond: 408. Only while the target would take some. */
  readonly requestBodyIdleMs: number;
  /** Bytes of a body that buy one second more, up to that time: one that drips below this rate gets 408 in the end. */
  readonly requestBodyBytesPerSecondMin: number;
  /** A client that takes nothing of what waits for it, milliseconds; beyond: reset. */
  readonly clientStalledMs: number;
  /** An upstream that is silent in the middle of an answer, milliseconds; beyond: the answer is cut. */
  readonly answerIdleMs: number;
  /** A tunnel of which one side has ended and the other is silent, milliseconds; beyond: cut. */
  readonly tunnelHalfClosedMs: number;
  /** How long a closing connection waits for the client to finish sending, milliseconds. */
  readonly lingerMs: number;
  /** Bytes thrown away during that wait; beyond: reset. */
  readonly lingerBytesMax: number;
  /** Before a request that does not wait for a wake hears so, milliseconds: a fence that its wake lifts lets it pass. */
  readonly waitGraceMs: number;
  /** How long a refused connection is tried again, milliseconds; beyond: 502. */
  readonly retryMs: number;
  /** Pauses between those tries: from, milliseconds. */
  readonly retryPauseMinMs: number;
  /** Pauses between those tries: growing to, milliseconds. */
  readonly retryPauseMaxMs: number;
  /** Who waits for a free target looks again after this, milliseconds, if no release is announced before. */
  readonly slotLookMs: number;
  /** A worker whose own requests wait lets those of others have a slot once in this time, milliseconds. */
  readonly slotShareMs: number;
  /** A worker announces released slots of a service at most once in this time, milliseconds. */
  readonly slotAnnounceMs: number;
  /** Failures of a target in a row that eject it. */
  readonly ejectAfterFailures: number;
  /** How long a target is ejected: at first, milliseconds; twice as long each time. */
  readonly ejectionMinMs: number;
  /** How long a target is ejected: at most, milliseconds. */
  readonly ejectionMaxMs: number;
  /** At most one report of a refusing target in this time, milliseconds. */
  readonly refusedReportMs: number;
  /** Streams that an HTTP/2 client may have open at once; beyond: refused. */
  readonly http2StreamsMax: number;
  /** Bytes of one stream that a client may send ahead of its target. */
  readonly http2StreamWindowBytes: number;
  /** Bytes of all streams of a connection that a client may send ahead of their targets. */
  readonly http2ConnectionWindowBytes: number;
  /** HTTP/2 frames of a connection that carry nothing (PING, SETTINGS, empty DATA …); beyond: the connection is cut. */
  readonly http2ControlFrames: FrameRate;
  /** Streams of a connection that end by RST_STREAM, the client's or one that it provokes; beyond: it is cut. */
  readonly http2Resets: FrameRate;
  /** Bytes that a client has not read when it asks for more replies to PING and SETTINGS; beyond: it is cut. */
  readonly http2ReplyBacklogBytesMax: number;
  /** Memory of one body that is buffered, bytes; beyond: a temporary file. */
  readonly spoolMemoryBytesMax: number;
  /** Memory of all bodies that are buffered, bytes; beyond: temporary files at once. */
  readonly spoolsMemoryBytesMax: number;
  /** One buffered body, bytes: of a request, beyond: 413; of an answer, beyond: its target waits for the client. */
  readonly spoolBytesMax: number;
  /** The tick on which deadlines are looked at, milliseconds: none is met earlier, none later than this. */
  readonly sweepMs: number;
}

export const EDGE_LIMITS: EdgeLimits = {
  requestHeadBytesMax: 32 * 1024,
  requestTargetBytesMax: 8 * 1024,
  headFieldsMax: 100,
  responseHeadBytesMax: 64 * 1024,
  interimAnswersMax: 16,
  chunkLineBytesMax: 256,
  trailerBytesMax: 8 * 1024,
  readAheadBytesMax: 64 * 1024,
  heldBodyBytesMax: 16 * 1024,
  heldPerServiceMax: 1_000,
  heldMax: 10_000,
  clientConnectionsMax: 20_000,
  upstreamConnectionsMax: 24_096,
  turnedAwayMax: 256,
  proxyHeaderBytesMax: 4 * 1024,
  idlePerTargetMax: 1_024,
  idleMax: 4_096,
  upstreamIdleMs: 4_000,
  unsafeReuseIdleMs: 1_000,
  upstreamPingMs: 30_000,
  upstreamPongMs: 10_000,
  requestHeadMs: 15_000,
  clientHelloBytesMax: 16 * 1024,
  tlsHandshakeMs: 10_000,
  certificateDemandsMax: 1_000,
  secureContextsMax: 16_384,
  keepAliveIdleMs: 75_000,
  connectMs: 3_000,
  requestBodyIdleMs: 60_000,
  requestBodyBytesPerSecondMin: 240,
  clientStalledMs: 60_000,
  answerIdleMs: 600_000,
  tunnelHalfClosedMs: 30_000,
  lingerMs: 2_000,
  lingerBytesMax: 4 * 1024 * 1024,
  waitGraceMs: 20,
  retryMs: 5_000,
  retryPauseMinMs: 1,
  retryPauseMaxMs: 100,
  slotLookMs: 20,
  slotShareMs: 5,
  slotAnnounceMs: 1,
  ejectAfterFailures: 3,
  ejectionMinMs: 1_000,
  ejectionMaxMs: 60_000,
  refusedReportMs: 1_000,
  http2StreamsMax: 128,
  http2StreamWindowBytes: 256 * 1024,
  http2ConnectionWindowBytes: 4 * 1024 * 1024,
  http2ControlFrames: { burst: 1_000, perSecond: 200 },
  http2Resets: { burst: 500, perSecond: 50 },
  http2ReplyBacklogBytesMax: 64 * 1024,
  spoolMemoryBytesMax: 1024 * 1024,
  spoolsMemoryBytesMax: 64 * 1024 * 1024,
  spoolBytesMax: 1024 * 1024 * 1024,
  sweepMs: 100,
};
