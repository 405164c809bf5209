/**
 * The luma-proxy of `luma up`: found on the data directory's socket, or started there as a process of its own.
 * Owns the child it started and its log file; the proxy owns everything else.
 */
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, delay } from '../base/clock.ts';
import { isLumaError, LumaError } from '../base/errors.ts';
import { formatAuthority } from '../base/host-name.ts';
import type { Log } from '../base/log.ts';
import { isAlive } from '../base/process-life.ts';
import { createProxyClient, type ProxyClient, type ProxyStatus } from '../proxy/client/index.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { LumaConfig } from './config/settings.ts';
import type { DataDir } from './data-dir.ts';
import { checkPortIsFree } from './listening-port.ts';
import { programCommand } from './program-command.ts';

export interface ProxyProcessOptions {
  readonly config: LumaConfig;
  readonly dataDir: DataDir;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ProxyProcess {
  readonly socketPath: string;
  /** Lets its exchanges finish, up to the shutdown timeout; resolves when the process is gone. */
  stop(): Promise<void>;
  /** Now. */
  kill(): void;
}

const LISTENING: readonly string[] = ['http_port', 'http_host', 'https_port'];
const START_TIMEOUT_MS = 20_000;
const START_POLL_MS = 10;
const EXIT_POLL_MS = 20;
/** What a proxy may take beyond its drain to save and go. */
const EXIT_GRACE_MS = 10_000;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const LAST_WORDS_BYTES = 4_096;

export async function ensureOwnProxy(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const { dataDir, log } = options;
  const client = createProxyClient({ socketPath: dataDir.proxySocketPath });
  const found = await statusIfAny(client);
  if (!found) return startProxy(options, client);
  checkListeners(found, options.config);
  log.info('found the proxy of an earlier run', { pid: found.pid });
  return processOf(found.pid, options);
}

/** A proxy that somebody else runs: it must answer, and listen where we were told to, if we were told. */
export async function checkNamedProxy(socketPath: string, { config, said }: LoadedConfig): Promise<void> {
  const status = await createProxyClient({ socketPath })
    .status()
    .catch((error: unknown) => {
      throw isLumaError(error) ? ofThisCommand(error) : error;
    });
  if (said.some((key) => LISTENING.includes(key))) checkListeners(status, config);
}

/** The client's own hints are for luma-proxy's commands, whose flag has another name. */
function ofThisCommand(error: LumaError): LumaError {
  return new LumaError(error.code, error.message, {
    hint: 'name the management socket of a luma-proxy that you may use with --proxy-socket, or leave it out: luma up then starts its own',
    details: error.details,
    cause: error,
  });
}

/** Null where nothing listens; another failure (a foreign socket, another version) is the caller's to see. */
async function statusIfAny(client: ProxyClient): Promise<ProxyStatus | null> {
  try {
    return await client.status();
  } catch (error) {
    if (isLumaError(error, 'proxy_unreachable')) return null;
    throw error;
  }
}

async function startProxy(options: ProxyProcessOptions, client: ProxyClient): Promise<ProxyProcess> {
  const { dataDir, config } = options;
  const output = openLog(dataDir.proxyLogPath);
  // A session of its own: Ctrl-C in the terminal reaches only us, and we stop it in our order.
  const child = Bun.spawn([...programCommand('luma-proxy'), ...proxyFlags(options)], {
    detached: true,
    cwd: dirname(dataDir.proxyLogPath),
    stdio: ['ignore', output.fd, output.fd],
  });
  closeSync(output.fd);
  child.unref();
  try {
    await untilItServes(child, client, options, output.startsAt);
  } catch (error) {
    child.kill('SIGKILL');
    // Asked only now: before, the port may have been held by workers that the new daemon takes over.
    checkPortIsFree('http', config.httpHost, config.httpPort);
    if (config.httpsPort !== null) checkPortIsFree('https', config.httpHost, config.httpsPort);
    if (config.metricsPort !== null) checkPortIsFree('metrics', '127.0.0.1', config.metricsPort);
    throw error;
  }
  return processOf(child.pid, options);
}

function proxyFlags({ config, dataDir }: ProxyProcessOptions): readonly string[] {
  return [
    'run',
    ...['--http-host', config.httpHost, '--http-port', String(config.httpPort)],
    ...['--https-port', String(config.httpsPort ?? 'none')],
    ...['--socket-path', dataDir.proxySocketPath, '--state-dir', dataDir.proxyStateDir],
    ...['--workers', String(config.workers), '--shutdown-timeout', `${config.shutdownTimeout}ms`],
    ...flagUnlessNull('--access-log', config.accessLog),
    ...flagUnlessNull('--metrics-port', config.metricsPort),
    ...flagUnlessNull('--lets-encrypt-email', config.letsEncryptEmail),
    ...flagUnlessNull('--acme-directory', config.acmeDirectory),
    ...flagUnlessNull('--acme-ca-file', config.acmeCaFile),
    ...(config.trustedProxies.length > 0 ? ['--trusted-proxies', config.trustedProxies.join(',')] : []),
    ...(config.proxyProtocol ? ['--proxy-protocol'] : []),
    ...['--max-connections-per-ip', String(config.maxConnectionsPerIp)],
    ...['--log-format', config.logFormat, ...(config.debug ? ['--debug'] : [])],
  ];
}

function flagUnlessNull(flag: string, value: string | number | null): readonly string[] {
  return value === null ? [] : [flag, String(value)];
}

async function untilItServes(
  child: Bun.Subprocess,
  client: ProxyClient,
  { clock, dataDir, signal }: ProxyProcessOptions,
  logStartsAt: number,
): Promise<void> {
  const deadline = clock.monotonic() + START_TIMEOUT_MS;
  while (clock.monotonic() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw notStarted(dataDir, logStartsAt, 'it exited');
    if (await statusIfAny(client)) return;
    await delay(clock, START_POLL_MS, signal);
  }
  throw notStarted(dataDir, logStartsAt, `it did not answer within ${START_TIMEOUT_MS / 1000} s`);
}

/** A proxy that is ours but listens elsewhere would answer nobody who follows our ready line. */
function checkListeners({ listeners, pid }: ProxyStatus, config: LumaConfig): void {
  const { httpHost, httpPort, httpsPort } = config;
  const hosts = httpHost === 'localhost' ? ['127.0.0.1', '::1'] : [httpHost];
  const wanted = hosts.flatMap((host) => [
    { host, port: httpPort, tls: false },
    ...(httpsPort === null ? [] : [{ host, port: httpsPort, tls: true }]),
  ]);
  const isWanted = (found: Listener): boolean =>
    wanted.some(({ host, port, tls }) => host === found.host && port === found.port && tls === found.tls);
  const has = (isTls: boolean): boolean => listeners.some(({ tls }) => tls === isTls);
  if (listeners.every(isWanted) && has(false) && has(true) === (httpsPort !== null)) return;
  const asked = httpsPort === null ? 'not for HTTPS' : `on port ${httpsPort} for HTTPS`;
  throw new LumaError(
    'proxy_listens_elsewhere',
    `the proxy that runs already (process id ${pid}) listens on ${placesText(listeners)}, not on ${formatAuthority(httpHost, httpPort)} and ${asked}`,
    {
      hint: `stop it with \`kill ${pid}\`, or ask for what it has with --http-host, --http-port and --https-port`,
    },
  );
}

type Listener = ProxyStatus['listeners'][number];

function placesText(listeners: readonly Listener[]): string {
  const places = listeners.map(
    ({ host, port, tls }) => `${formatAuthority(host, port)}${tls ? ' (HTTPS)' : ''}`,
  );
  return places.join(', ') || 'nothing';
}

function processOf(pid: number, { dataDir, config, clock, log }: ProxyProcessOptions): ProxyProcess {
  return {
    socketPath: dataDir.proxySocketPath,
    // Its group: workers outlive a daemon that is killed alone.
    kill: () => void (sendSignal(-pid, 'SIGKILL') || sendSignal(pid, 'SIGKILL')),
    stop: async () => {
      if (!sendSignal(pid, 'SIGTERM')) return;
      const deadline = clock.monotonic() + config.shutdownTimeout + EXIT_GRACE_MS;
      while (isAlive(pid)) {
        if (clock.monotonic() > deadline) {
          log.warn('the proxy did not stop in time and is killed', { pid });
          sendSignal(pid, 'SIGKILL');
        }
        await delay(clock, EXIT_POLL_MS);
      }
    },
  };
}

/** False when the process is gone. */
function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

function openLog(path: string): { readonly fd: number; readonly startsAt: number } {
  const size = sizeOf(path);
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return { fd: openSync(path, 'a', 0o600), startsAt: size > LOG_BYTES_MAX ? 0 : size };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function notStarted({ proxyLogPath }: DataDir, startsAt: number, reason: string): LumaError {
  const said = readFileSync(proxyLogPath).subarray(startsAt).subarray(-LAST_WORDS_BYTES).toString();
  const lines = said.split('\n').filter(Boolean).slice(-10);
  return new LumaError('proxy_not_started', `luma-proxy could not be started: ${reason}`, {
    hint: `its output is in ${proxyLogPath}`,
    details: { log_lines: lines },
  });
}
