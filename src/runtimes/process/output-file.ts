/**
 * One output stream of an instance: a file that the app itself appends to, so that it goes on while no Luma
 * runs, and beside it the times at which Luma saw it grow. Old output is freed from the head; offsets stay.
 * Luma alone writes the times; `look` is called by their one owner.
 */
import {
  appendFileSync,
  closeSync,
  fchmodSync,
  fchownSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { punchHead } from './libc.ts';
import {
  OUTPUT_FILE_BYTES_MAX,
  OUTPUT_KEPT_BYTES,
  OUTPUT_LINE_BYTES_MAX,
  OUTPUT_STAMPS_MAX,
} from './limits.ts';
import type { RunUser } from './run-user.ts';

export interface OutputLine {
  readonly at: number;
  readonly text: string;
  /** Offset of the byte after the line. */
  readonly end: number;
  /** False for the last line of a file when its end has not been written yet. */
  readonly isWhole: boolean;
}

/** Everything before `upTo` that no earlier stamp covers was first seen at `at`. */
interface Stamp {
  readonly upTo: number;
  readonly at: number;
}

const NEWLINE = 10;
const CHUNK_BYTES = 64 * 1024;
const BLOCK_BYTES = 4096;

export class OutputFile {
  readonly #path: string;
  readonly #stampsPath: string;
  #stamps: Stamp[] = [];
  #start = 0;
  /** The times on disk are behind: a disk was full. They are written whole at the next chance. */
  #isUnsaved = false;

  /** `path` of the file; its folder exists. */
  constructor(path: string) {
    this.#path = path;
    this.#stampsPath = `${path}.times`;
    this.#load();
  }

  /** Where the kept output begins. */
  get start(): number {
    return this.#start;
  }

  /** Where it ends, as of the last look. */
  get end(): number {
    return this.#stamps.at(-1)?.upTo ?? this.#start;
  }

  /** A descriptor for the app; its owner may open the file again by /dev/stdout. The caller closes it. */
  openForApp(user: RunUser): number {
    const fd = openSync(this.#path, 'a', 0o600);
    fchmodSync(fd, 0o600);
    if (user.isOther) fchownSync(fd, user.uid, user.gid);
    return fd;
  }

  /** Notes what has been added and frees what is too old. Returns how many bytes were added. */
  look(now: number): number {
    const stats = statSync(this.#path, { throwIfNoEntry: false });
    if (!stats) return 0;
    if (stats.size < this.end) this.#beginAnew();
    const added = stats.size - this.end;
    if (added === 0) return 0;
    // What was written while nobody looked is as old as the file's last change.
    const at = Math.max(this.#stamps.at(-1)?.at ?? 0, Math.min(now, Math.round(stats.mtimeMs)));
    this.#stamps.push({ upTo: stats.size, at });
    if (stats.size - this.#start > 2 * OUTPUT_KEPT_BYTES) this.#freeHead();
    else if (this.#stamps.length > OUTPUT_STAMPS_MAX) this.#thinOut();
    else if (this.#isUnsaved) this.#save();
    else this.#write(() => appendFileSync(this.#stampsPath, `${stats.size} ${at}\n`));
    return added;
  }

  /** Ends a last line that the app left open, so that the next run's first line is not glued to it. */
  endLine(now: number): void {
    this.look(now);
    if (this.end === this.#start || this.#lastByte() === NEWLINE) return;
    this.#write(() => appendFileSync(this.#path, '\n'));
    this.look(now);
  }

  /** The lines from offset `from` to the end as of the last look. */
  async *lines(from: number): AsyncGenerator<OutputLine> {
    const to = this.end;
    if (from >= to) return;
    const file = await openIfThere(this.#path);
    if (!file) return;
    try {
      const cut = from <= this.#start && this.#start > 0;
      const begin = cut ? await this.#afterNextNewline(file, this.#start, to) : from;
      yield* this.#linesBetween(file, begin, to);
    } finally {
      await file.close();
    }
  }

  /** The offset at which the last `count` lines begin. */
  async lastLinesStart(count: number): Promise<number> {
    const to = this.end;
    if (count === 0 || to === this.#start) return to;
    const file = await openIfThere(this.#path);
    if (!file) return to;
    try {
      let seen = 0;
      for (let end = to; end > this.#start; end -= CHUNK_BYTES) {
        const begin = Math.max(this.#start, end - CHUNK_BYTES);
        const chunk = await readChunk(file, begin, end);
        for (
          let at = chunk.lastIndexOf(NEWLINE);
          at >= 0;
          at = at > 0 ? chunk.lastIndexOf(NEWLINE, at - 1) : -1
        ) {
          // The newline at the very end closes the last line; it begins none.
          if (begin + at + 1 < to && ++seen === count) return begin + at + 1;
        }
      }
      return this.#start;
    } finally {
      await file.close();
    }
  }

  async *#linesBetween(file: FileHandle, begin: number, to: number): AsyncGenerator<OutputLine> {
    let rest: Buffer = Buffer.alloc(0);
    let lineStart = begin;
    let stamp = 0;
    const line = (bytes: Uint8Array, end: number, isWhole: boolean): OutputLine => {
      while (stamp < this.#stamps.length - 1 && this.#stamps[stamp]!.upTo < end) stamp++;
      const at = this.#stamps[stamp]?.at ?? 0;
      return { at, text: Buffer.from(bytes).toString('utf8').replace(/\r$/, ''), end, isWhole };
    };
    for (let from = begin; from < to; ) {
      const chunk = await readChunk(file, from, Math.min(to, from + CHUNK_BYTES));
      if (chunk.length === 0) break;
      from += chunk.length;
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      for (let length = lineLength(rest); length > 0; length = lineLength(rest)) {
        const bytes = rest.subarray(0, rest[length - 1] === NEWLINE ? length - 1 : length);
        lineStart += length;
        rest = rest.subarray(length);
        yield line(bytes, lineStart, true);
      }
    }
    if (rest.length > 0) yield line(rest, lineStart + rest.length, false);
  }

  async #afterNextNewline(file: FileHandle, from: number, to: number): Promise<number> {
    for (let begin = from; begin < to; begin += CHUNK_BYTES) {
      const at = (await readChunk(file, begin, Math.min(to, begin + CHUNK_BYTES))).indexOf(NEWLINE);
      if (at >= 0) return begin + at + 1;
    }
    return to;
  }

  #lastByte(): number {
    const fd = openSync(this.#path, 'r');
    try {
      const byte = new Uint8Array(1);
      readSync(fd, byte, 0, 1, this.end - 1);
      return byte[0] ?? NEWLINE;
    } finally {
      closeSync(fd);
    }
  }

  #freeHead(): void {
    const { end } = this;
    this.#start = Math.floor((end - OUTPUT_KEPT_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
    this.#stamps = this.#stamps.filter((stamp) => stamp.upTo > this.#start);
    // First the new beginning, then the hole: a crash in between frees nothing, and shows no hole as output.
    this.#save();
    if (end < OUTPUT_FILE_BYTES_MAX && punchHead(this.#path, this.#start)) {
      // The disk was full, mostly of this very file.
      if (this.#isUnsaved) this.#save();
      return;
    }
    // A file system without holes: the app appends, so it goes on at the new beginning.
    truncateSync(this.#path, 0);
    this.#beginAnew();
  }

  #beginAnew(): void {
    this.#start = 0;
    this.#stamps = [];
    this.#save();
  }

  /** The older half at half the precision: a stamp that goes gives its bytes the next one's time. */
  #thinOut(): void {
    const half = Math.floor(this.#stamps.length / 2);
    this.#stamps = this.#stamps.filter((_, index) => index >= half || index % 2 === 1);
    this.#save();
  }

  #save(): void {
    const lines = this.#stamps.map(({ upTo, at }) => `${upTo} ${at}\n`);
    this.#write(() => {
      writeFileSync(`${this.#stampsPath}.new`, `start ${this.#start}\n${lines.join('')}`, { mode: 0o600 });
      renameSync(`${this.#stampsPath}.new`, this.#stampsPath);
    });
  }

  /** Times are a comfort: where they cannot be written, or the folder is gone, the app and its Luma go on. */
  #write(write: () => void): void {
    try {
      write();
      this.#isUnsaved = false;
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      this.#isUnsaved = true;
    }
  }

  /** A torn last line is what a crash leaves: the bytes it stood for are stamped at the next look. */
  #load(): void {
    let text: string;
    try {
      text = readFileSync(this.#stampsPath, 'latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) writeFileSync(this.#stampsPath, whole, { mode: 0o600 });
    for (const line of whole.split('\n')) {
      const [first = '', second = ''] = line.split(' ');
      if (first === 'start') this.#start = Number(second);
      else if (/^\d+$/.test(first) && /^\d+$/.test(second)) {
        this.#stamps.push({ upTo: Number(first), at: Number(second) });
      }
    }
  }
}

/** How many bytes the first line takes, its newline included; 0 when its end is not there yet. */
function lineLength(bytes: Buffer): number {
  const newline = bytes.indexOf(NEWLINE);
  if (newline >= 0 && newline <= OUTPUT_LINE_BYTES_MAX) return newline + 1;
  if (newline < 0 && bytes.length <= OUTPUT_LINE_BYTES_MAX) return 0;
  // Not within a character: UTF-8 continuation bytes are 10xxxxxx.
  let length = OUTPUT_LINE_BYTES_MAX;
  while (length > OUTPUT_LINE_BYTES_MAX - 4 && ((bytes[length] ?? 0) & 0xc0) === 0x80) length--;
  return length;
}

function isUnwritable(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Null when the instance was removed meanwhile. */
async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function readChunk(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafe(to - from);
  const { bytesRead } = await file.read(chunk, 0, chunk.length, from);
  return chunk.subarray(0, bytesRead);
}
