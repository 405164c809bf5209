/**
 * Lines to a file or to stdout, from many processes at once and never at the cost of who says them: gathered in memory
 * and appended in batches by the thread pool. Owns the descriptor and what waits; beyond its bound lines are
 * dropped and counted. A file that was renamed or removed is opened anew, so that logs can be rotated without a signal.
 */
import { closeSync, fstatSync, openSync, statSync, write } from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';
import { LumaError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export interface LineFileOptions {
  /** Absolute, or `-` for stdout. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a line may wait for others. */
  readonly flushMs?: number;
  readonly waitingBytesMax?: number;
}

const FLUSH_MS = 250;
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Writes of up to PIPE_BUF bytes are never mixed with those of other processes on a pipe. */
const PIPE_WRITE_BYTES = 4_096;
const FILE_WRITE_BYTES = 256 * 1024;
const STDOUT = 1;
const WARN_AGAIN_MS = 60_000;

export class LineFile {
  readonly #options: LineFileOptions;
  readonly #writeBytes: number;
  #fd: number | null;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #timer: Timer | null = null;
  #writing: Promise<void> | null = null;
  #droppedCount = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** Throws `log_file_unusable`. */
  constructor(options: LineFileOptions) {
    this.#options = options;
    this.#writeBytes = options.path === '-' ? PIPE_WRITE_BYTES : FILE_WRITE_BYTES;
    try {
      this.#fd = this.#open();
    } catch (cause) {
      throw unusable(options.path, cause);
    }
  }

  /** Lines that found no room, or that the system would not take. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** One line with its end. Nothing waits for it. */
  append(line: string): void {
    if (
      this.#isClosed ||
      this.#waitingBytes + line.length > (this.#options.waitingBytesMax ?? WAITING_BYTES_MAX)
    ) {
      this.#droppedCount++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#flushLater();
  }

  /** Writes what waits, and lets the file go. Lines that come later are dropped. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = null;
    while (this.#writing !== null) await this.#writing;
    await this.#flush();
    this.#closeFile();
  }

  #flushLater(): void {
    if (this.#timer !== null || this.#writing !== null) return;
    const { clock, flushMs } = this.#options;
    this.#timer = clock.after(flushMs ?? FLUSH_MS, () => {
      this.#timer = null;
      this.#writing = this.#flush().finally(() => {
        this.#writing = null;
        if (this.#waiting.length > 0) this.#flushLater();
      });
    });
  }

  async #flush(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    let written = 0;
    try {
      for (const batch of batches(lines, this.#writeBytes)) {
        await writeWhole(this.#current(), batch.bytes);
        written += batch.lineCount;
      }
    } catch (error) {
      this.#droppedCount += lines.length - written;
      this.#warn(error);
    }
  }

  /** The file that has the name now. */
  #current(): number {
    if (this.#fd !== null && this.#isStillThere(this.#fd)) return this.#fd;
    this.#closeFile();
    this.#fd = this.#open();
    return this.#fd;
  }

  #isStillThere(fd: number): boolean {
    if (fd === STDOUT) return true;
    const named = statSync(this.#options.path, { throwIfNoEntry: false });
    const ours = fstatSync(fd);
    return named?.ino === ours.ino && named.dev === ours.dev;
  }

  #open(): number {
    return this.#options.path === '-' ? STDOUT : openSync(this.#options.path, 'a', 0o640);
  }

  #closeFile(): void {
    if (this.#fd !== null && this.#fd !== STDOUT) closeSync(this.#fd);
    this.#fd = null;
  }

  #warn(error: unknown): void {
    const { clock, log, path } = this.#options;
    if (clock.monotonic() - this.#warnedAtMs < WARN_AGAIN_MS) return;
    this.#warnedAtMs = clock.monotonic();
    log.warn('lines of the access log are lost', { path, reason: messageOf(error) });
  }
}

interface Batch {
  readonly bytes: Buffer;
  readonly lineCount: number;
}

/** Whole lines, as many as fit; one that is longer goes alone. */
function* batches(lines: readonly string[], bytesMax: number): Generator<Batch> {
  let parts: Buffer[] = [];
  let size = 0;
  for (const line of lines) {
    const bytes = Buffer.from(line, 'utf8');
    if (size > 0 && size + bytes.length > bytesMax) {
      yield { bytes: Buffer.concat(parts), lineCount: parts.length };
      parts = [];
      size = 0;
    }
    parts.push(bytes);
    size += bytes.length;
  }
  if (size > 0) yield { bytes: Buffer.concat(parts), lineCount: parts.length };
}

async function writeWhole(fd: number, bytes: Buffer): Promise<void> {
  for (let from = 0; from < bytes.length; ) from += await writeSome(fd, bytes, from);
}

function writeSome(fd: number, bytes: Buffer, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, count) =>
      error === null ? resolve(count) : reject(error),
    );
  });
}

function unusable(path: string, cause: unknown): LumaError {
  return new LumaError('log_file_unusable', `cannot write to ${path}: ${messageOf(cause)}`, {
    hint: 'name a file in a directory that exists and that this user may write to, or - for stdout',
    cause,
  });
}
