/** The open streams: bounded, and ended when the API stops. Owns their abort controllers. */
import { LumaError } from '../../base/errors.ts';
import { STREAMS_MAX } from '../limits.ts';

export class StreamRegistry {
  readonly #open = new Set<AbortController>();
  #isStopping = false;

  /** The controller ends the stream: by the client, by its source, or by `stop`. */
  open(): AbortController {
    if (this.#isStopping)
      throw new LumaError('shutting_down', 'Luma is shutting down', { hint: 'Try again soon.' });
    if (this.#open.size >= STREAMS_MAX) {
      throw new LumaError('too_many_streams', `${STREAMS_MAX} streams of logs and events are open already`, {
        hint: 'End some of them and try again.',
      });
    }
    const controller = new AbortController();
    this.#open.add(controller);
    controller.signal.addEventListener('abort', () => this.#open.delete(controller), { once: true });
    return controller;
  }

  get openCount(): number {
    return this.#open.size;
  }

  stop(): void {
    this.#isStopping = true;
    for (const controller of [...this.#open]) controller.abort();
  }
}
