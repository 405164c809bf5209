/** The log of both programs: JSON lines for machines, one readable line each for people; on stderr. */
import type { Log, LogFields } from '../base/log.ts';
import { formatLogLine } from './log-line.ts';
import { loggable } from './loggable.ts';

export type LogFormat = 'text' | 'json';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  /** Default `text`. */
  readonly format?: LogFormat;
  /** The least that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Fields of every line, e.g. `{ process: 'worker-1' }`. */
  readonly fields?: LogFields;
  /** Takes each line with its end; default: stderr. */
  readonly write?: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export function createLog(options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string): void => void process.stderr.write(line));
  const least = LEVELS.indexOf(options.level ?? 'info');
  const writer = (level: LogLevel): Log['info'] => {
    if (LEVELS.indexOf(level) < least) return () => {};
    return (message, fields) => {
      const line = jsonLine(level, message, { ...options.fields, ...fields });
      write(options.format === 'json' ? line : formatLogLine(line));
    };
  };
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}

/** Time, level and message are ours: a field of that name never takes their place. */
function jsonLine(level: LogLevel, message: string, fields: LogFields): string {
  const time = new Date().toISOString();
  const head = { time, level };
  return `${JSON.stringify({ ...head, ...(loggable(fields) as object), ...head, message })}\n`;
}
