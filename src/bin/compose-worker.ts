/** Builds a worker process of luma-proxy. It loads no command line and no schema: there is one for each processor. */
import { systemClock } from '../base/clock.ts';
import { isLumaError } from '../base/errors.ts';
import { FIRST_INHERITED_FD, openSharedBoard, readWorkerFlags, Worker } from '../proxy/workers/index.ts';
import { createLog, guardStandardStreams } from '../telemetry/index.ts';
import { type LineFile, openAccessLog } from './access-log.ts';
import { exitOnBug } from './exit-on-bug.ts';
import { version } from './version.ts';

/** Wrong use, as of any command. */
const WRONG_USE = 2;

/** Returns the exit code where it cannot begin; otherwise the worker ends the process. */
export async function runWorker(words: readonly string[]): Promise<number> {
  guardStandardStreams(() => {});
  try {
    startWorker(readWorkerFlags(words));
  } catch (error) {
    if (!isLumaError(error, 'worker_flags_wrong')) throw error;
    process.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
    return WRONG_USE;
  }
  return new Promise(() => {});
}

/** Ctrl-C reaches the whole process group: the daemon then tells its workers what to do, so they ignore it. */
function startWorker(flags: ReturnType<typeof readWorkerFlags>): void {
  const { column, listeners, tlsListeners, isDebug } = flags;
  const firstTls = FIRST_INHERITED_FD + 1 + listeners;
  const log = createLog({ level: isDebug ? 'debug' : 'info', fields: { worker: column } });
  exitOnBug(log);
  const accessLog = openAccessLog(flags.accessLog, log);
  const worker = new Worker({
    accessLog,
    column: openSharedBoard(FIRST_INHERITED_FD).board.column(column),
    boardFd: FIRST_INHERITED_FD,
    listenFds: Array.from({ length: listeners }, (_, index) => FIRST_INHERITED_FD + 1 + index),
    tlsListenFds: Array.from({ length: tlsListeners }, (_, index) => firstTls + index),
    edge: flags.edge,
    workersSocketPath: flags.workersSocketPath,
    version,
    shutdownTimeoutMs: flags.shutdownTimeoutMs,
    clock: systemClock,
    log,
    exit: (code) => void leave(code, accessLog),
  });
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('SIGTERM', () => worker.leave());
  worker.start();
}

async function leave(code: number, accessLog: LineFile | null): Promise<void> {
  await accessLog?.close();
  process.exit(code);
}
