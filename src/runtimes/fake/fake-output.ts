/** What a fake instance has printed, over all its starts. Owned by its instance. */
import type { Clock } from '../../base/clock.ts';
import type { LogLine, LogOptions } from '../contract.ts';

const LINES_MAX = 10_000;

export class FakeOutput {
  readonly #clock: Clock;
  readonly #lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  /** How many lines have been forgotten at the head: positions of followers count from the first ever. */
  #forgotten = 0;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  print(stream: LogLine['stream'], text: string): void {
    this.#lines.push({ at: this.#clock.now(), stream, text });
    if (this.#lines.length > LINES_MAX) {
      this.#lines.shift();
      this.#forgotten += 1;
    }
    this.#tell();
  }

  /** Ends all followers; what was printed stays. */
  end(): void {
    this.#isOver = true;
    this.#tell();
  }

  async *read({ tail, since = 0, follow = false, signal }: LogOptions): AsyncGenerator<LogLine> {
    const total = this.#forgotten + this.#lines.length;
    for (let next = tail === undefined ? 0 : Math.max(0, total - tail); ; ) {
      next = Math.max(next, this.#forgotten);
      const line = this.#lines[next - this.#forgotten];
      if (line) {
        next += 1;
        if (line.at >= since) yield line;
      } else if (!follow || signal?.aborted || this.#isOver) return;
      else await this.#change(signal);
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
    for (const go of [...this.#waiting]) go();
  }
}
