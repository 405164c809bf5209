/**
 * How a worker process is started: the words its daemon writes and it reads, and the descriptors it inherits in a
 * fixed order. It reads them without a command line's help, so that no worker has to load one.
 */
import { parseArgs } from 'node:util';
import type { Subprocess } from 'bun';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { EdgeSettings } from '../../edge/index.ts';
import type { PublicSocket } from './socket-set.ts';

/** Of the first inherited descriptor, the board; the listening sockets follow. */
export const FIRST_INHERITED_FD = 3;

/** By these two a later daemon knows its orphans (orphans.ts). */
export const WORKERS_SOCKET_FLAG = '--workers-socket';
export const COLUMN_FLAG = '--column';

export interface WorkerFlags {
  readonly column: number;
  readonly workersSocketPath: string;
  readonly listeners: number;
  /** Those come last. */
  readonly tlsListeners: number;
  readonly shutdownTimeoutMs: number;
  readonly edge: EdgeSettings;
}

/** What `bin` says of it: the daemon passes these words on as they are. */
export interface WorkerOutput {
  /** A path, or `-` for stdout; null: none. */
  readonly accessLog: string | null;
  readonly isDebug: boolean;
}

export function workerOutputWords({ accessLog, isDebug }: WorkerOutput): readonly string[] {
  return [...(isDebug ? ['--debug'] : []), ...(accessLog === null ? [] : ['--access-log', accessLog])];
}

export function spawnWorker(
  command: readonly string[],
  flags: WorkerFlags,
  boardFd: number,
  sockets: readonly PublicSocket[],
): Subprocess {
  return Bun.spawn([...command, ...workerWords(flags)], {
    stdio: ['ignore', 'inherit', 'inherit', boardFd, ...sockets.map(({ fd }) => fd)],
  });
}

export function workerWords(flags: WorkerFlags): readonly string[] {
  return [
    ...[COLUMN_FLAG, String(flags.column), WORKERS_SOCKET_FLAG, flags.workersSocketPath],
    ...['--listeners', String(flags.listeners), '--tls-listeners', String(flags.tlsListeners)],
    ...['--shutdown-timeout-ms', String(flags.shutdownTimeoutMs)],
    ...['--edge', JSON.stringify(flags.edge)],
  ];
}

/** Fails with `worker_flags_wrong`: only a daemon knows them all. */
export function readWorkerFlags(words: readonly string[]): WorkerFlags & WorkerOutput {
  const values = valuesOf(words);
  const edge = parseEdge(textOf(values, 'edge'));
  return {
    column: numberOf(values, 'column'),
    workersSocketPath: textOf(values, 'workers-socket'),
    listeners: numberOf(values, 'listeners'),
    tlsListeners: numberOf(values, 'tls-listeners'),
    shutdownTimeoutMs: numberOf(values, 'shutdown-timeout-ms'),
    edge,
    accessLog: values['access-log'] ?? null,
    isDebug: values.debug === true,
  };
}

const text = { type: 'string' } as const;
const options = {
  column: text,
  'workers-socket': text,
  listeners: text,
  'tls-listeners': text,
  'shutdown-timeout-ms': text,
  edge: text,
  'access-log': text,
  debug: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof valuesOf>;
type TextFlag = Exclude<keyof typeof options, 'debug'>;

function valuesOf(words: readonly string[]): ReturnType<typeof parse>['values'] {
  try {
    return parse(words).values;
  } catch (cause) {
    throw wrong(messageOf(cause), cause);
  }
}

function parse(words: readonly string[]) {
  return parseArgs({ args: [...words], options, strict: true });
}

function textOf(values: Values, name: TextFlag): string {
  const value = values[name];
  if (!value) throw wrong(`--${name} is missing`);
  return value;
}

function numberOf(values: Values, name: TextFlag): number {
  const value = textOf(values, name);
  if (!/^[0-9]{1,9}$/.test(value)) throw wrong(`--${name} must be a number, not ${JSON.stringify(value)}`);
  return Number(value);
}

/** Its daemon has checked what people set. */
function parseEdge(json: string): EdgeSettings {
  try {
    return JSON.parse(json) as EdgeSettings;
  } catch (cause) {
    throw wrong('--edge is no JSON', cause);
  }
}

function wrong(reason: string, cause?: unknown): LumaError {
  return new LumaError(
    'worker_flags_wrong',
    `luma-proxy worker is started by luma-proxy run only: ${reason}`,
    {
      hint: 'use: luma-proxy run',
      cause,
    },
  );
}
