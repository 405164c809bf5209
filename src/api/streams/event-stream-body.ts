/** Bodies that go on: pulled as fast as the client reads, ended with it, kept alive while quiet. */
import type { Clock, Timer } from '../../base/clock.ts';
import { STREAM_PING_MS } from '../limits.ts';

export interface StreamBodyOptions<T> {
  readonly source: AsyncIterator<T>;
  readonly encode: (item: T) => string;
  /** Sent when the source fails; without it the connection is broken off, so that nobody takes the answer for whole. */
  readonly encodeFailure?: (error: unknown) => string;
  /** Sent every 15 s of quiet. */
  readonly ping?: string;
  readonly clock: Clock;
  /** Aborted when the stream is over, for whatever reason. */
  readonly controller: AbortController;
}

export function streamBody<T>(options: StreamBodyOptions<T>): ReadableStream<Uint8Array> {
  const body = new StreamBody(options);
  return new ReadableStream<Uint8Array>(
    { pull: (stream) => body.pull(stream), cancel: () => body.cancel() },
    { highWaterMark: 0 },
  );
}

class StreamBody<T> {
  readonly #options: StreamBodyOptions<T>;
  readonly #encoder = new TextEncoder();
  /** The item under way; kept while pings go out. */
  #next: Promise<IteratorResult<T>> | undefined;
  #isCancelled = false;

  constructor(options: StreamBodyOptions<T>) {
    this.#options = options;
  }

  async pull(stream: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { controller, source, encode } = this.#options;
    this.#next ??= source.next();
    try {
      const next = await this.#nextOrPing(this.#next, controller.signal);
      if (next === 'ping') return this.#send(stream, this.#options.ping ?? '');
      this.#next = undefined;
      if (next !== 'over' && !next.done) return this.#send(stream, encode(next.value));
      this.#finish();
      // A stream whose reader went away is closed already.
      if (!this.#isCancelled) stream.close();
    } catch (error) {
      this.#fail(stream, error);
    }
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#finish();
  }

  /** Aborting ends a source that waits; `return` ends one that waits to be asked. Both let go of what they hold. */
  #finish(): void {
    const { controller, source } = this.#options;
    controller.abort();
    // Nobody is left to tell what goes wrong after the end.
    const ignore = (): void => undefined;
    this.#next?.catch(ignore);
    source.return?.().catch(ignore);
  }

  #fail(stream: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    const { encodeFailure } = this.#options;
    this.#finish();
    if (encodeFailure) {
      this.#send(stream, encodeFailure(error));
      stream.close();
    } else {
      stream.error(error);
    }
  }

  #send(stream: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    stream.enqueue(this.#encoder.encode(text));
  }

  /** The next item; `ping` after a while without one; `over` when the stream was ended. */
  async #nextOrPing(
    next: Promise<IteratorResult<T>>,
    signal: AbortSignal,
  ): Promise<IteratorResult<T> | 'ping' | 'over'> {
    const { clock, ping } = this.#options;
    let timer: Timer | undefined;
    let onAbort = (): void => {};
    const quiet = new Promise<'ping'>((resolve) => {
      if (ping !== undefined) timer = clock.after(STREAM_PING_MS, () => resolve('ping'));
    });
    const over = new Promise<'over'>((resolve) => {
      onAbort = () => resolve('over');
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([next, quiet, over]);
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** One server-sent event; data is one line of JSON. */
export function serverSentEvent(
  data: unknown,
  fields: { readonly event?: string; readonly id?: number } = {},
): string {
  const event = fields.event === undefined ? '' : `event: ${fields.event}\n`;
  const id = fields.id === undefined ? '' : `id: ${fields.id}\n`;
  return `${event}${id}data: ${JSON.stringify(data)}\n\n`;
}

export const PING = ': quiet\n\n';
