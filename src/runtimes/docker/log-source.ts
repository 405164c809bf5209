/** Reads the log of one container from the engine: as it comes, or its last lines. Owns nothing. */
import type { Engine } from './engine.ts';
import { limits } from './limits.ts';
import { LogFrames, type TimedLine } from './log-frames.ts';

export interface LogQuery {
  /** In the engine's messages, of which a long line takes several. */
  readonly tail?: number;
  /** Seconds, as text: the engine takes nanoseconds behind the point. */
  readonly since?: string;
  readonly follow?: boolean;
}

export class LogSource {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  lines(containerId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<TimedLine> {
    return this.#read(containerId, query, signal, new LogFrames());
  }

  /**
   * The last `count` whole lines. The engine counts messages, so the first line it returns may lack its
   * beginning: one line more than wanted is read, of twice as many messages until that is reached.
   */
  async lastLines(
    containerId: string,
    count: number,
    since: Pick<LogQuery, 'since'>,
    signal: AbortSignal,
  ): Promise<TimedLine[]> {
    for (let tail = count + limits.messagesOfOneLine; ; tail *= 2) {
      const frames = new LogFrames();
      const lines: TimedLine[] = [];
      for await (const line of this.#read(containerId, { tail, ...since }, signal, frames)) {
        lines.push(line);
        if (lines.length > count + 1) lines.shift();
      }
      if (lines.length > count || frames.messageCount < tail) return count === 0 ? [] : lines.slice(-count);
    }
  }

  async *#read(
    containerId: string,
    query: LogQuery,
    signal: AbortSignal,
    frames: LogFrames,
  ): AsyncGenerator<TimedLine> {
    const stream = await this.#engine.openStream(
      'read the logs of an instance',
      `/containers/${containerId}/logs`,
      { stdout: true, stderr: true, timestamps: true, follow: false, ...query },
      signal,
    );
    try {
      for await (const chunk of stream) yield* frames.push(chunk);
    } finally {
      stream.destroy();
    }
    yield* frames.end();
  }
}
