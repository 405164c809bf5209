/** Chunks around bytes (RFC 9112 §7.1). No state. */

export interface ByteSink {
  writeText(text: string): void;
  writeBytes(bytes: Buffer, from: number, to: number): void;
  /** All of what was received at once: the sink's from here on, and perhaps empty afterwards. */
  writeReceived(bytes: Buffer): void;
}

/** One chunk; never an empty one, which would end the body. */
export function writeChunk(sink: ByteSink, bytes: Buffer, from: number, to: number): void {
  if (from === to) return;
  sink.writeText(`${(to - from).toString(16)}\r\n`);
  sink.writeBytes(bytes, from, to);
  sink.writeText('\r\n');
}
