/**
 * At most so many tasks at once, the others in the order they came. A container's start is bound by the CPU:
 * twenty at once take as long as twenty in a row, and then nobody has an answer early.
 */
import { LumaError } from '../../base/errors.ts';

interface Waiting {
  readonly begin: () => void;
}

export class StartQueue {
  readonly #runningMax: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(runningMax: number) {
    this.#runningMax = Math.max(1, runningMax);
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Runs the task when its turn has come; a signal that aborts before takes it out of the queue. */
  async run<T>(task: () => Promise<T>, signal: AbortSignal, isUrgent = false): Promise<T> {
    if (this.#running >= this.#runningMax) await this.#turn(signal, isUrgent);
    else this.#running += 1;
    try {
      if (signal.aborted) throw abortedError();
      return await task();
    } finally {
      this.#running -= 1;
      this.#admit();
    }
  }

  /** A turn is handed on, not fought for: whoever admits has counted us already. */
  #turn(signal: AbortSignal, isUrgent: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(abortedError());
      };
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal.aborted) return reject(abortedError());
      if (isUrgent) this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #admit(): void {
    const waiting = this.#running < this.#runningMax ? this.#waiting.shift() : undefined;
    if (!waiting) return;
    this.#running += 1;
    waiting.begin();
  }
}

function abortedError(): LumaError {
  return new LumaError('start_aborted', 'it was called off before its turn came');
}
