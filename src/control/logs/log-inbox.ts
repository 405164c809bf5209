/** Lines of many writers for one reader, in the order they come. Who writes waits until its line is taken: it holds one of each. */

interface Letter<L> {
  readonly line: L;
  readonly taken: () => void;
}

export class LogInbox<L> {
  readonly #letters: Letter<L>[] = [];
  #wake: (() => void) | null = null;
  #end: { readonly error: unknown } | 'closed' | null = null;

  /** Resolves when it was taken, or nobody reads any more. */
  put(line: L): Promise<void> {
    if (this.#end) return Promise.resolve();
    return new Promise((taken) => {
      this.#letters.push({ line, taken });
      this.#wake?.();
    });
  }

  /** The reader hears of it after what came before. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  close(): void {
    this.#end ??= 'closed';
    this.#wake?.();
  }

  /** Until it is closed. For one reader. */
  async *lines(): AsyncGenerator<L> {
    try {
      for (;;) {
        const letter = this.#letters.shift();
        if (letter) {
          letter.taken();
          yield letter.line;
        } else if (this.#end === 'closed') return;
        else if (this.#end) throw this.#end.error;
        else await new Promise<void>((wake) => (this.#wake = wake));
        this.#wake = null;
      }
    } finally {
      this.#end ??= 'closed';
      for (const { taken } of this.#letters.splice(0)) taken();
    }
  }
}
