/** Builds luma-proxy: its command line over the daemon and the client. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { isLumaError, messageOf } from '../base/errors.ts';
import { homeFolder } from '../base/home-folder.ts';
import type { Log } from '../base/log.ts';
import type { ProxyContext, RunSettings, Terminal } from '../cli/proxy/index.ts';
import { createProxyClient } from '../proxy/client/index.ts';
import { addressText, Daemon, tellServiceManager, workerOutputWords } from '../proxy/index.ts';
import { createLog } from '../telemetry/index.ts';
import { accessLogPath, type LineFile, openAccessLog } from './access-log.ts';
import { acmeSettingsOf } from './acme-settings.ts';
import { exitOnBug } from './exit-on-bug.ts';
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
  const addresses = daemon.listeners.map(
    (address) => `${address.isTls ? 'https' : 'http'}://${addressText(address)}`,
  );
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

async function startDaemon(settings: RunSettings, log: Log, accessLog: LineFile | null): Promise<Daemon> {
  const isEverywhere = settings.httpHosts.length === 0;
  const options = {
    version,
    httpHosts: isEverywhere ? EVERY_ADDRESS : settings.httpHosts,
    httpPort: settings.httpPort,
    httpsPort: settings.httpsPort,
    defaultCertificate: settings.defaultCertificate && {
      setting: 'tls-default' as const,
      certificatePath: resolve(settings.defaultCertificate.certificatePath),
      privateKeyPath: resolve(settings.defaultCertificate.privateKeyPath),
    },
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
    acme: acmeSettingsOf(settings.acme),
    onServing: () => notifyServiceManager(log),
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

/** Whoever started it goes on without the news: it is asked for only under systemd. */
function notifyServiceManager(log: Log): void {
  const address = process.env['NOTIFY_SOCKET'];
  if (address === undefined || address === '') return;
  try {
    tellServiceManager(address);
  } catch (error) {
    log.warn('the service manager could not be told that luma-proxy serves', { why: messageOf(error) });
  }
}

function workerCommand({ accessLog, isDebug }: RunSettings): readonly string[] {
  const output = { accessLog: accessLog === null ? null : accessLogPath(accessLog), isDebug };
  return [...programCommand('luma-proxy'), 'worker', ...workerOutputWords(output)];
}

function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((done) => signal.addEventListener('abort', () => done(false), { once: true }));
}
