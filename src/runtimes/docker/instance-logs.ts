/**
 * The lines of one instance, past and coming, over its restarts. Each reader owns its own stream; the
 * engine keeps the lines. Of removed instances the last lines stay here, in memory, within limits.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { isLumaError, LumaError } from '../../base/errors.ts';
import type { LogLine, LogOptions } from '../contract.ts';
import { type Engine, statusOf } from './engine.ts';
import type { EngineEvents } from './engine-events.ts';
import { KeptLines } from './kept-lines.ts';
import { limits } from './limits.ts';
import type { TimedLine } from './log-frames.ts';
import { type LogQuery, LogSource } from './log-source.ts';

type FindContainer = (instanceId: string) => Promise<string | null>;

export class InstanceLogs {
  readonly #source: LogSource;
  readonly #events: EngineEvents;
  readonly #clock: Clock;
  readonly #find: FindContainer;
  readonly #kept = new KeptLines();
  readonly #closing = new AbortController();

  constructor(engine: Engine, events: EngineEvents, clock: Clock, find: FindContainer) {
    this.#source = new LogSource(engine);
    this.#events = events;
    this.#clock = clock;
    this.#find = find;
  }

  async *read(instanceId: string, options: LogOptions = {}): AsyncGenerator<LogLine> {
    if (options.signal?.aborted) return;
    const containerId = await this.#find(instanceId);
    if (!containerId) {
      const kept = this.#kept.read(instanceId, options);
      if (!kept) throw new LumaError('instance_not_found', `there is no instance ${instanceId}`);
      yield* kept;
      return;
    }
    const abort = new AbortController();
    const given = options.signal ? [options.signal] : [];
    const signal = AbortSignal.any([abort.signal, this.#closing.signal, ...given]);
    try {
      if (options.follow) yield* this.#follow(instanceId, options, signal);
      else for await (const { line } of this.#past(containerId, options, signal)) yield line;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      // Also when the reader walks away in the middle.
      abort.abort();
    }
  }

  /** To be called before the removal: what it said last stays readable. */
  async keep(instanceId: string, containerId: string): Promise<void> {
    const abort = new AbortController();
    const lines = await this.#source.lastLines(containerId, limits.keptLines, {}, abort.signal);
    this.#kept.keep(
      instanceId,
      lines.map(({ line }) => line),
    );
  }

  /** Ends every reader. */
  close(): void {
    this.#closing.abort();
  }

  async *#past(containerId: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<TimedLine> {
    const { tail } = options;
    const since = sinceOption(options);
    if (tail === undefined) yield* this.#source.lines(containerId, since, signal);
    else yield* await this.#source.lastLines(containerId, tail, since, signal);
  }

  /** The engine's own following ends with each run: it is taken up again at every start until the removal. */
  async *#follow(instanceId: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine> {
    const changes = new Changes((listener) =>
      this.#events.watch((event) => {
        if (event.kind === 'relist' || event.instanceId === instanceId) listener();
      }),
    );
    let query: LogQuery = { ...sinceOption(options), follow: true };
    let lastTime = '';
    try {
      if (options.tail !== undefined) {
        const containerId = await this.#find(instanceId);
        if (!containerId) return;
        // One at least, to know where the following begins: what the tail leaves out must not come with it.
        const count = Math.max(1, options.tail);
        const last = await this.#source.lastLines(containerId, count, sinceOption(options), signal);
        if (options.tail > 0) for (const { line } of last) yield line;
        lastTime = last.at(-1)?.time ?? '';
        if (lastTime !== '') query = { since: sinceOf(lastTime), follow: true };
      }
      while (!signal.aborted) {
        const seen = changes.count;
        const containerId = await this.#findPatiently(instanceId);
        if (containerId === null) return;
        const readUntil = lastTime;
        for await (const { time, line } of this.#unbroken(containerId, query, signal)) {
          // `since` includes its instant; each run begins after the last line of the one before.
          if (time <= readUntil) continue;
          yield line;
          if (time > lastTime) lastTime = time;
        }
        if (lastTime !== '') query = { since: sinceOf(lastTime), follow: true };
        await changes.next(seen, this.#clock, signal);
      }
    } finally {
      changes.end();
    }
  }

  /** While the engine is away nothing is known of the instance: not that it is gone either. */
  async #findPatiently(instanceId: string): Promise<string | null | undefined> {
    try {
      return await this.#find(instanceId);
    } catch (error) {
      if (isLumaError(error, 'runtime_unavailable')) return undefined;
      throw error;
    }
  }

  /** A stream that breaks off (the engine restarts, the container goes) is like one that ends. */
  async *#unbroken(
    containerId: string | undefined,
    query: LogQuery,
    signal: AbortSignal,
  ): AsyncGenerator<TimedLine> {
    if (containerId === undefined) return;
    try {
      yield* this.#source.lines(containerId, query, signal);
    } catch (error) {
      signal.throwIfAborted();
      const status = statusOf(error);
      // 404 and 409: it is gone, or going.
      if (status !== null && status !== 404 && status !== 409) throw error;
    }
  }
}

/** Counts what happened, so that nothing is missed between a look and a wait. */
class Changes {
  count = 0;
  #wake: (() => void) | null = null;
  readonly #stop: () => void;

  constructor(watch: (listener: () => void) => () => void) {
    this.#stop = watch(() => {
      this.count++;
      this.#wake?.();
    });
  }

  /** Resolves once there were more than `seen`; looks again after a while in any case. */
  async next(seen: number, clock: Clock, signal: AbortSignal): Promise<void> {
    if (this.count !== seen) return;
    const abort = new AbortController();
    this.#wake = () => abort.abort();
    try {
      await delay(clock, limits.followAgainMs, AbortSignal.any([signal, abort.signal]));
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      this.#wake = null;
    }
  }

  end(): void {
    this.#stop();
  }
}

function sinceOption({ since }: LogOptions): Pick<LogQuery, 'since'> {
  return since === undefined ? {} : { since: (since / 1_000).toFixed(3) };
}

/** `2026-01-02T03:04:05.123456789Z` as seconds with nanoseconds. */
function sinceOf(time: string): string {
  const nanos = /\.(\d{1,9})/.exec(time)?.[1] ?? '0';
  return `${Math.floor(Date.parse(time) / 1_000)}.${nanos.padEnd(9, '0')}`;
}
