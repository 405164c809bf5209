/**
 * A body that waits: written at one end, taken at the other, whole and in order. What fits into its memory stays there,
 * the rest is in a temporary file that nobody else can see, and that is gone with the process whatever ends it. Owns
 * both. Written and read synchronously: the kernel's page cache takes a piece in microseconds.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SpoolLimits {
  /** Memory of one spool, bytes. */
  readonly spoolMemoryBytesMax: number;
  /** Memory of all spools of a worker, bytes; beyond: straight to the file. */
  readonly spoolsMemoryBytesMax: number;
  /** One spool, bytes. */
  readonly spoolBytesMax: number;
}

/** Shared by all spools of a worker. */
export class SpoolBudget {
  memoryBytes = 0;
}

/** A piece that is read back at once. */
const PIECE_BYTES = 64 * 1024;

export class Spool {
  readonly #limits: SpoolLimits;
  readonly #budget: SpoolBudget;
  #memory: Buffer[] = [];
  #memoryBytes = 0;
  #fd: number | null = null;
  #fileFrom = 0;
  #fileTo = 0;

  constructor(limits: SpoolLimits, budget: SpoolBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  /** Written and not yet taken. */
  get bytes(): number {
    return this.#memoryBytes + this.#fileTo - this.#fileFrom;
  }

  get isFull(): boolean {
    return this.bytes >= this.#limits.spoolBytesMax;
  }

  write(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.#write(bytes.subarray(from, to));
  }

  /** The next piece, the caller's from here on; null: there is none now. */
  take(): Buffer | null {
    const first = this.#memory.shift();
    if (first === undefined) return this.#takeOfFile();
    this.#memoryBytes -= first.length;
    this.#budget.memoryBytes -= first.length;
    return first;
  }

  close(): void {
    this.#budget.memoryBytes -= this.#memoryBytes;
    this.#memory = [];
    this.#memoryBytes = 0;
    this.#fileFrom = this.#fileTo;
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #write(bytes: Buffer): void {
    if (this.#fileTo > this.#fileFrom || !this.#fitsMemory(bytes.length)) {
      this.#append(bytes);
      return;
    }
    // A copy: a small span must not keep a whole read alive.
    this.#memory.push(Buffer.from(bytes));
    this.#memoryBytes += bytes.length;
    this.#budget.memoryBytes += bytes.length;
  }

  #fitsMemory(byteCount: number): boolean {
    const { spoolMemoryBytesMax, spoolsMemoryBytesMax } = this.#limits;
    return (
      this.#memoryBytes + byteCount <= spoolMemoryBytesMax &&
      this.#budget.memoryBytes + byteCount <= spoolsMemoryBytesMax
    );
  }

  #append(bytes: Buffer): void {
    this.#fd ??= openUnseen();
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.#fd, bytes, written, bytes.length - written, this.#fileTo);
      written += count;
      this.#fileTo += count;
    }
  }

  #takeOfFile(): Buffer | null {
    const byteCount = Math.min(PIECE_BYTES, this.#fileTo - this.#fileFrom);
    if (byteCount === 0 || this.#fd === null) return null;
    const piece = Buffer.allocUnsafeSlow(byteCount);
    const read = readSync(this.#fd, piece, 0, byteCount, this.#fileFrom);
    this.#fileFrom += read;
    if (this.#fileFrom === this.#fileTo) this.#empty(this.#fd);
    return piece.subarray(0, read);
  }

  /** Its room on the disk is given back while the spool goes on. */
  #empty(fd: number): void {
    ftruncateSync(fd, 0);
    this.#fileFrom = 0;
    this.#fileTo = 0;
  }
}

/** Its name is gone before anything is written. */
function openUnseen(): number {
  const dir = mkdtempSync(join(tmpdir(), 'luma-spool-'));
  try {
    return openSync(join(dir, 'body'), 'wx+', 0o600);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
