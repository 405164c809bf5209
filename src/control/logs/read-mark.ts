/** How far the lines of one instance have been read, so that whoever follows it begins with the next. Owned by its reader. */
import type { LogLine } from '../../runtimes/contract.ts';

/** So many lines of one millisecond are told apart where only the last ones were read. */
const SAME_INSTANT_MAX = 100;

export class ReadMark {
  #at: number | undefined;
  /** Lines of that very millisecond. */
  #count = 0;

  /** Of the last line that was read. */
  get at(): number | undefined {
    return this.#at;
  }

  /** To read the last so many lines and know where they end, more of them are needed. */
  tailFor(tail: number): number {
    return Math.max(tail, SAME_INSTANT_MAX);
  }

  async *noting<L extends LogLine>(lines: AsyncIterable<L>): AsyncGenerator<L> {
    for await (const line of lines) {
      this.#note(line);
      yield line;
    }
  }

  /** The lines since its instant, without those that were read already. */
  async *after<L extends LogLine>(lines: AsyncIterable<L>): AsyncGenerator<L> {
    const at = this.#at;
    let known = this.#count;
    for await (const line of lines) {
      if (at !== undefined && line.at < at) continue;
      if (known > 0 && line.at === at) known -= 1;
      else yield line;
    }
  }

  #note({ at }: LogLine): void {
    this.#count = at === this.#at ? this.#count + 1 : 1;
    this.#at = at;
  }
}
