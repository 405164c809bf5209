/** Builds luma-proxy: its command line over the daemon, the worker and the client. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { isLumaError } from '../base/errors.ts';
import { homeFolder } from '../base/home-folder.ts';
import type { Log } from '../base/log.ts';
import type { ProxyContext, RunSettings, Terminal, WorkSettings } from '../cli/proxy/index.ts';
import { createProxyClient } from '../proxy/client/index.ts';
import {
  addressText,
  Daemon,
  edgeSettingsSchema,
  FIRST_INHERITED_FD,
  openSharedBoard,
  Worker,
} from '../proxy/index.ts';
import { createLog, LineFile } from '../telemetry/index.ts';
import { programCommand } from './program-command.ts';
import { listenForStop } from './stop-signal.ts';
import { version } from './version.ts';

export function composeProxy(terminal: Terminal): ProxyContext {
  return {
    terminal,
    version,
    isRoot: process.getuid?.() === 0,
    home: homeFolder(),
    cpuCount: availableParallelism(),
    client: (socketPath) => createProxyClient({ socketPath }),
    run: (settings) => runDaemon(terminal, settings),
    work: runWorker,
  };
}

/** Every address: one socket per family, so that clients never show up as IPv4-mapped ones. */
const EVERY_ADDRESS = ['0.0.0.0', '::'];

async function runDaemon(terminal: Terminal, settings: RunSettings): Promise<void> {
  const level = settings.isDebug ? 'debug' : 'info';
  const log = createLog({ format: settings.logFormat, level });
  exitOnBug(log);
  const accessLog = openAccessLog(settings.accessLog, log);
  const daemon = await startDaemon(settings, log, accessLog);
  const addresses = daemon.listeners.map((address) => `http://${addressText(address)}`);
  terminal.writeOut(
    `luma-proxy ${version} is ready on ${addresses.join(' and ')} (${settings.socketPath})\n`,
  );
  const { signal, beforeForcedExit } = listenForStop();
  beforeForcedExit(() => daemon.kill());
  const isTakenOver = await Promise.race([aborted(signal), daemon.handedOver.then(() => true)]);
  if (isTakenOver) return accessLog?.close();
  log.info('stopping: running requests may finish', { timeout_ms: settings.shutdownTimeoutMs });
  await daemon.stop();
  await accessLog?.close();
}

/** Opened by the daemon too, where it is not its own: what cannot be written to is said at once, and not by each worker. */
function openAccessLog(path: string | null, log: Log): LineFile | null {
  if (path === null) return null;
  return new LineFile({ path: path === '-' ? path : resolve(path), clock: systemClock, log });
}

async function startDaemon(settings: RunSettings, log: Log, accessLog: LineFile | null): Promise<Daemon> {
  const isEverywhere = settings.httpHosts.length === 0;
  const options = {
    version,
    httpHosts: isEverywhere ? EVERY_ADDRESS : settings.httpHosts,
    httpPort: settings.httpPort,
    socketPath: resolve(settings.socketPath),
    stateDir: resolve(settings.stateDir),
    workers: settings.workers,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    edge: {
      trustedProxies: settings.trustedProxies,
      usesProxyProtocol: settings.usesProxyProtocol,
      connectionsPerAddressMax: settings.connectionsPerIpMax,
    },
    accessLog,
    metricsPort: settings.metricsPort,
    workerCommand: workerCommand(settings),
    clock: systemClock,
    log,
  };
  try {
    return await Daemon.start(options);
  } catch (error) {
    // Nobody asked for IPv6 by name, so a machine without it is no mistake.
    const hasNoIpv6 =
      isLumaError(error, 'address_family_unsupported') || isLumaError(error, 'address_not_available');
    if (!isEverywhere || !hasNoIpv6) throw error;
    log.warn('this machine has no IPv6: listening on IPv4 only');
    return Daemon.start({ ...options, httpHosts: ['0.0.0.0'] });
  }
}

function workerCommand({ accessLog, isDebug }: RunSettings): readonly string[] {
  const words = [...programCommand('luma-proxy'), 'worker'];
  if (isDebug) words.push('--debug');
  if (accessLog !== null) words.push('--access-log', accessLog === '-' ? accessLog : resolve(accessLog));
  return words;
}

/** Ctrl-C reaches the whole process group: the daemon then tells its workers what to do, so they ignore it. */
async function runWorker(settings: WorkSettings): Promise<void> {
  const log = createLog({
    level: settings.isDebug ? 'debug' : 'info',
    fields: { worker: settings.column },
  });
  exitOnBug(log);
  const accessLog = openAccessLog(settings.accessLog, log);
  const worker = new Worker({
    accessLog,
    column: openSharedBoard(FIRST_INHERITED_FD).board.column(settings.column),
    boardFd: FIRST_INHERITED_FD,
    listenFds: Array.from({ length: settings.listeners }, (_, index) => FIRST_INHERITED_FD + 1 + index),
    edge: edgeSettingsSchema.parse(JSON.parse(settings.edge)),
    workersSocketPath: settings.workersSocketPath,
    version,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    clock: systemClock,
    log,
    exit: (code) => void leave(code, accessLog),
  });
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('SIGTERM', () => worker.leave());
  worker.start();
  await new Promise(() => {});
}

async function leave(code: number, accessLog: LineFile | null): Promise<void> {
  await accessLog?.close();
  process.exit(code);
}

function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((done) => signal.addEventListener('abort', () => done(false), { once: true }));
}

/** The daemon's workers serve on without it, and the next daemon takes them over. */
function exitOnBug(log: Log): void {
  const die = (error: unknown): void => {
    log.error('this is a bug in luma-proxy', { error });
    process.exit(70);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
