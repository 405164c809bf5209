/**
 * The engine's log stream: frames of 8 bytes head (stream, length) and one message each, which begins with
 * its time. A line longer than 16 KB comes as several messages, of which only the last ends in a line feed.
 */
import { LumaError } from '../../base/errors.ts';
import type { LogLine } from '../contract.ts';
import { limits } from './limits.ts';

/** A line together with its time as the engine writes it: nanoseconds, fixed width, so that strings compare. */
export interface TimedLine {
  readonly time: string;
  readonly line: LogLine;
}

interface Partial {
  readonly time: string;
  /** Bytes, not text: the engine cuts in the middle of a character. */
  readonly pieces: Uint8Array[];
  bytes: number;
}

const headBytes = 8;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const empty = new Uint8Array(0);

export class LogFrames {
  #rest: Uint8Array = empty;
  readonly #decoder = new TextDecoder();
  readonly #partials: Record<LogLine['stream'], Partial | null> = { stdout: null, stderr: null };

  #messageCount = 0;

  /** Messages seen so far: a long line takes several. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** The lines completed by this chunk. */
  push(chunk: Uint8Array): TimedLine[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: TimedLine[] = [];
    while (bytes.length >= headBytes) {
      const { stream, length } = readHead(bytes);
      if (bytes.length < headBytes + length) break;
      this.#message(stream, bytes.subarray(headBytes, headBytes + length), lines);
      bytes = bytes.subarray(headBytes + length);
    }
    // A copy: what is left must not keep the whole chunk alive.
    this.#rest = bytes.length === 0 ? empty : bytes.slice();
    return lines;
  }

  /** What is left when the stream ends: lines the app never finished. */
  end(): TimedLine[] {
    const lines: TimedLine[] = [];
    for (const stream of ['stdout', 'stderr'] as const) this.#complete(stream, lines);
    return lines;
  }

  #message(stream: LogLine['stream'], message: Uint8Array, lines: TimedLine[]): void {
    this.#messageCount++;
    const timeEnd = message.indexOf(space);
    const isWhole = message.at(-1) === lineFeed;
    const piece = message.slice(timeEnd + 1, isWhole ? -1 : undefined);
    const partial = this.#partials[stream] ?? {
      time: this.#decoder.decode(message.subarray(0, timeEnd)),
      pieces: [],
      bytes: 0,
    };
    partial.pieces.push(piece);
    partial.bytes += piece.length;
    this.#partials[stream] = partial;
    if (isWhole || partial.bytes >= limits.logLineBytesMax) this.#complete(stream, lines);
  }

  #complete(stream: LogLine['stream'], lines: TimedLine[]): void {
    const partial = this.#partials[stream];
    if (!partial) return;
    this.#partials[stream] = null;
    const whole = Buffer.concat(partial.pieces);
    const text = this.#decoder.decode(whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole);
    lines.push({ time: partial.time, line: { at: Math.floor(Date.parse(partial.time)), stream, text } });
  }
}

function readHead(bytes: Uint8Array): { stream: LogLine['stream']; length: number } {
  const head = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  const kind = head.getUint8(0);
  const length = head.getUint32(4);
  if ((kind !== 1 && kind !== 2) || length > limits.logFrameBytesMax) {
    throw new LumaError('runtime_failed', 'Docker sent a log stream that Luma cannot read', {
      details: { kind, length },
    });
  }
  return { stream: kind === 1 ? 'stdout' : 'stderr', length };
}
