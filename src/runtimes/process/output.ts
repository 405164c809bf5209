/** Both output streams of an instance, read together in the order of their times. Owned by its instance. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine, LogOptions } from '../contract.ts';
import { OutputFile, type OutputLine } from './output-file.ts';
import type { RunUser } from './run-user.ts';

export class Output {
  /** Of the file that its processes append their stdout to. */
  readonly path: string;
  readonly #stdout: OutputFile;
  readonly #stderr: OutputFile;
  readonly #waiting = new Set<() => void>();
  /** Raised by every change, so that a follower that was busy reading misses none. */
  #version = 0;
  #isOver = false;

  constructor(folder: string) {
    this.path = join(folder, 'stdout.log');
    this.#stdout = new OutputFile(this.path);
    this.#stderr = new OutputFile(join(folder, 'stderr.log'));
  }

  get isFollowed(): boolean {
    return this.#waiting.size > 0;
  }

  /** Hands `use` descriptors for the app's stdout and stderr, and closes them afterwards. */
  withFiles<T>(user: RunUser, use: (stdout: number, stderr: number) => T): T {
    const stdout = this.#stdout.openForApp(user);
    try {
      const stderr = this.#stderr.openForApp(user);
      try {
        return use(stdout, stderr);
      } finally {
        closeSync(stderr);
      }
    } finally {
      closeSync(stdout);
    }
  }

  /** Returns how many bytes came since the last look. */
  look(now: number): number {
    const added = this.#stdout.look(now) + this.#stderr.look(now);
    if (added > 0) this.#tell();
    return added;
  }

  /** Nobody writes any more: what is an open line now stays one. */
  finish(now: number): void {
    this.#stdout.endLine(now);
    this.#stderr.endLine(now);
    this.#tell();
  }

  /** Ends all followers: the instance was removed, or nobody looks at it any more. */
  end(): void {
    this.#isOver = true;
    this.#tell();
  }

  async *read(now: number, options: LogOptions): AsyncGenerator<LogLine> {
    this.look(now);
    const cursor = { stdout: this.#stdout.start, stderr: this.#stderr.start };
    const { tail, since = 0, follow = false, signal } = options;
    if (tail !== undefined) {
      cursor.stdout = await this.#stdout.lastLinesStart(tail);
      cursor.stderr = await this.#stderr.lastLinesStart(tail);
    }
    let seen = this.#version;
    const lines = wanted(this.#merged(cursor, follow), since);
    yield* tail === undefined ? lines : await last(lines, tail);
    while (follow && !signal?.aborted && !this.#isOver) {
      if (seen === this.#version) await this.#change(signal);
      seen = this.#version;
      yield* wanted(this.#merged(cursor, follow), since);
    }
  }

  async *#merged(cursor: { stdout: number; stderr: number }, onlyWhole: boolean): AsyncGenerator<LogLine> {
    const out = this.#stdout.lines(cursor.stdout);
    const err = this.#stderr.lines(cursor.stderr);
    try {
      let fromOut = await nextLine(out, onlyWhole);
      let fromErr = await nextLine(err, onlyWhole);
      for (;;) {
        if (fromOut && (!fromErr || fromOut.at <= fromErr.at)) {
          cursor.stdout = fromOut.end;
          yield { at: fromOut.at, stream: 'stdout', text: fromOut.text };
          fromOut = await nextLine(out, onlyWhole);
        } else if (fromErr) {
          cursor.stderr = fromErr.end;
          yield { at: fromErr.at, stream: 'stderr', text: fromErr.text };
          fromErr = await nextLine(err, onlyWhole);
        } else return;
      }
    } finally {
      // Whoever stops reading early must not leave the files open.
      await out.return(undefined);
      await err.return(undefined);
    }
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go);
        signal?.removeEventListener('abort', go);
        resolve();
      };
      this.#waiting.add(go);
      signal?.addEventListener('abort', go);
    });
  }

  #tell(): void {
    this.#version += 1;
    for (const go of [...this.#waiting]) go();
  }
}

async function nextLine(lines: AsyncGenerator<OutputLine>, onlyWhole: boolean): Promise<OutputLine | null> {
  const { value, done } = await lines.next();
  return done || (onlyWhole && !value.isWhole) ? null : value;
}

async function* wanted(lines: AsyncGenerator<LogLine>, since: number): AsyncGenerator<LogLine> {
  for await (const line of lines) if (line.at >= since) yield line;
}

async function last(lines: AsyncIterable<LogLine>, count: number): Promise<readonly LogLine[]> {
  const kept: LogLine[] = [];
  for await (const line of lines) {
    kept.push(line);
    if (kept.length > count) kept.shift();
  }
  return kept;
}
