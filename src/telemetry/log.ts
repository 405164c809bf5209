/** The log of both programs over pino: JSON lines for machines, one readable line each for people; on stderr. */
import pino from 'pino';
import type { Log, LogFields } from '../base/log.ts';
import { formatLogLine } from './log-line.ts';

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

export function createLog(options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string): void => void process.stderr.write(line));
  const isText = options.format !== 'json';
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: options.fields ?? {},
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      errorKey: 'error',
    },
    { write: isText ? (line: string): void => write(formatLogLine(line)) : write },
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
