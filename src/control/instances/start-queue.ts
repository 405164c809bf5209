/**
 * At most so many tasks at once; the others wait in the order they came, the urgent ones before all that are not. A container's
 * start is bound by the CPU: twenty at once take as long as twenty in a row, and then nobody has an answer early. What is not
 * urgent leaves one place free: for a wake, and for what serves meanwhile.
 */
import { LumaError } from '../../base/errors.ts';

interface Waiting {
  readonly isUrgent: boolean;
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
    if (this.#hasPlace(isUrgent)) this.#running += 1;
    else await this.#turn(signal, isUrgent);
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
        isUrgent,
        begin: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal.aborted) return reject(abortedError());
      this.#waiting.splice(this.#placeFor(isUrgent), 0, waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #placeFor(isUrgent: boolean): number {
    const firstPatient = isUrgent ? this.#waiting.findIndex((other) => !other.isUrgent) : -1;
    return firstPatient < 0 ? this.#waiting.length : firstPatient;
  }

  #admit(): void {
    const [first] = this.#waiting;
    if (!first || !this.#hasPlace(first.isUrgent)) return;
    this.#waiting.shift();
    this.#running += 1;
    first.begin();
  }

  #hasPlace(isUrgent: boolean): boolean {
    return this.#running < (isUrgent ? this.#runningMax : Math.max(1, this.#runningMax - 1));
  }
}

function abortedError(): LumaError {
  return new LumaError('start_aborted', 'it was called off before its turn came');
}
