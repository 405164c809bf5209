/**
 * Builds the platform and runs it until it is told to stop: store, runtime, proxy, control plane, API, in this order,
 * and their ends in the reverse order. What each of them owns ends with it.
 */
import { createApiServer } from '../api/index.ts';
import { systemClock } from '../base/clock.ts';
import { isLumaError, LumaError, messageOf } from '../base/errors.ts';
import { HeapTrim } from '../base/heap-trim.ts';
import type { Log } from '../base/log.ts';
import { withFields } from '../base/log.ts';
import type { Terminal } from '../cli/luma/index.ts';
import { ControlPlane } from '../control/index.ts';
import { createProxyLink } from '../proxy/client/index.ts';
import type { Runtime } from '../runtimes/contract.ts';
import { createSqliteStore, type Store } from '../store/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type ChosenRuntime, chooseRuntime } from './choose-runtime.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { LumaConfig, SettingUser } from './config/settings.ts';
import { openDataDir } from './data-dir.ts';
import { helloProject } from './hello-project.ts';
import { checkAddressesDiffer, checkPortIsFree } from './listening-port.ts';
import { checkNamedProxy, ensureOwnProxy } from './proxy-process.ts';
import { publicPlaces } from './public-places.ts';
import { readyText } from './ready-text.ts';
import type { StopSignal } from './stop-signal.ts';

export interface HostOptions {
  readonly command: SettingUser;
  readonly loaded: LoadedConfig;
  readonly terminal: Terminal;
  readonly stop: StopSignal;
  readonly version: string;
}

/** Resolves when everything it started has ended. Every mistake of the person who starts it is a LumaError. */
export async function runHost(options: HostOptions): Promise<void> {
  const { config, warnings, filePath } = options.loaded;
  const log = createLog({ format: config.logFormat, level: config.debug ? 'debug' : 'info' });
  goOnAfterBugs(log);
  for (const warning of warnings) log.warn(warning);
  if (filePath) log.info('settings are read from a file', { path: filePath });
  await using ends = new AsyncDisposableStack();
  await startAll({ ...options, config, log, ends });
  await aborted(options.stop.signal);
  log.info('stopping: requests in flight may finish; a second signal stops at once');
}

interface Host extends HostOptions {
  readonly config: LumaConfig;
  readonly log: Log;
  readonly ends: AsyncDisposableStack;
}

async function startAll(host: Host): Promise<void> {
  const { command, config, log, ends, version, terminal, stop } = host;
  const clock = systemClock;
  const isProxyOurs = command === 'up' && config.proxySocket === null;
  if (isProxyOurs) checkAddressesDiffer(config);
  checkPortIsFree('api', config.apiHost, config.apiPort);
  const dataDir = openDataDir(config.dataDir);
  ends.defer(async () => dataDir.release());
  const store = await createSqliteStore({
    path: dataDir.databasePath,
    clock,
    ...(config.keyFile === null ? {} : { keyFile: config.keyFile }),
  });
  ends.defer(() => store.close());
  const installationId = await store.installationId();
  const chosen = await chooseRuntime(config, {
    installationId,
    instanceKey: await store.instanceKey(),
    projects: await store.listProjects(),
    env: terminal.env,
    clock,
    log: part(log, 'runtime'),
  });
  ends.defer(() => chosen.runtime.close());
  if (command === 'up') ends.defer(() => rest(chosen.runtime, log));

  const socketPath = config.proxySocket ?? dataDir.proxySocketPath;
  if (isProxyOurs) {
    const proxy = await ensureOwnProxy({ config, dataDir, clock, log, signal: stop.signal });
    stop.beforeForcedExit(() => proxy.kill());
    ends.defer(() => proxy.stop());
  } else if (command === 'up') await checkNamedProxy(socketPath, host.loaded);

  const epoch = await store.nextEpoch();
  const link = createProxyLink({ socketPath, installationId, epoch, clock, log: part(log, 'link') });
  const { runtime } = chosen;
  const control = new ControlPlane({ store, runtime, link, clock, log: part(log, 'control'), version });
  ends.defer(() => control.close({ stopInstances: command === 'up', timeoutMs: config.shutdownTimeout }));
  await control.open();
  const trim = new HeapTrim(clock);
  ends.defer(async () => trim.close());
  trim.started();
  control.onEvent(null, () => trim.changed());

  const places = publicPlaces(socketPath, isProxyOurs ? config : null);
  const urlOf = (hostname: string, isSecure: boolean): string | null => places.urlOf(hostname, isSecure);
  const { apiHost: hostname, apiPort: port } = config;
  const api = await createApiServer({
    control,
    clock,
    log: part(log, 'api'),
    hostname,
    port,
    version,
    urlOf,
  });
  ends.defer(() => api.stop());

  if (command === 'up' && chosen.isAnswering) {
    await untilLinked(control, socketPath, stop.signal);
    await seed(host, store, control, chosen);
  } else sayWhenLinked(control, socketPath, log, () => places.refresh());
  await places.refresh();
  if (!stop.signal.aborted) sayReady(host, chosen, places.proxyUrls());
}

/** How long a proxy that answers may take to accept our snapshot. */
const LINK_TIMEOUT_MS = 20_000;

async function untilLinked(control: ControlPlane, socketPath: string, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(LINK_TIMEOUT_MS);
  await Promise.race([control.whenReady(), aborted(AbortSignal.any([signal, timeout]))]);
  if (!timeout.aborted) return;
  throw new LumaError('proxy_not_ready', `the proxy on ${socketPath} does not take our routes`, {
    hint: 'see its log, or run luma up with --debug',
  });
}

/** `luma server` serves its API at once; the proxy may come later, and go and come back. */
function sayWhenLinked(
  control: ControlPlane,
  socketPath: string,
  log: Log,
  onLinked: () => Promise<void>,
): void {
  log.info('connecting to the proxy; requests are routed when it answers', { socket: socketPath });
  void control.whenReady().then(async () => {
    log.info('connected to the proxy', { socket: socketPath });
    await onLinked();
  });
}

/** A first start gets something to curl. Without it Luma is no worse, so a failure is only told. */
async function seed(host: Host, store: Store, control: ControlPlane, chosen: ChosenRuntime): Promise<void> {
  const { log, terminal } = host;
  if (!(await store.claimFirstStart())) return;
  try {
    const surroundings = { env: terminal.env, clock: systemClock, log: part(log, 'runtime') };
    await control.createProject(await helloProject(chosen.runtime.kind, surroundings));
  } catch (error) {
    if (!isLumaError(error)) throw error;
    log.warn('there is no hello project', { error });
  }
}

function sayReady(
  { config, terminal, version }: Host,
  chosen: ChosenRuntime,
  proxyUrls: readonly string[],
): void {
  terminal.writeOut(readyText({ config, version, chosen, proxyUrls }));
}

function part(log: Log, name: string): Log {
  return withFields(log, { part: name });
}

/**
 * A bug in one place must not take the others' projects down. What was under way there is lost; the machine of that
 * project says so, or a restart adopts what runs.
 */
function goOnAfterBugs(log: Log): void {
  const tell = (error: unknown): void => log.error('this is a bug in Luma', { error });
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** What cannot be ended now costs a little memory until the next start, which must not keep anybody from leaving. */
async function rest(runtime: Runtime, log: Log): Promise<void> {
  try {
    await runtime.rest?.();
  } catch (error) {
    log.warn('the runtime could not end what it keeps for sleeping instances', { reason: messageOf(error) });
  }
}
