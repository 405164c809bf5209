/** A real luma-proxy in a directory of its own, with its workers, and what a test needs to talk to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.ts';
import type {
  HostConflict,
  ProxyClient,
  ProxyLink,
  ProxyLinkListener,
  ServiceActivity,
  ServiceReport,
  ServiceSpec,
  TargetSpec,
} from '../../../src/proxy/client/index.ts';
import {
  createProxyClient,
  createProxyLink,
  PLAIN_ISSUANCE,
  PLAIN_OPTIONS,
} from '../../../src/proxy/client/index.ts';
import { findWorkers } from '../../../src/proxy/workers/orphans.ts';

/** The program, as this checkout has it. */
export const ENTRY = join(import.meta.dir, '../../../src/bin/luma-proxy.ts');
const PATIENCE_MS = 8_000;

export interface ProxyFlags {
  readonly workers?: number;
  readonly port?: number;
  /** Without it there is no HTTPS. */
  readonly httpsPort?: number;
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command has said, and its exit code. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class ProxyFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'luma-proxy-'));
  readonly socketPath = join(this.dir, 'm.sock');
  readonly stateDir = join(this.dir, 'state');
  readonly #links: ProxyLink[] = [];
  readonly #earlier: Bun.Subprocess[] = [];
  #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined;
  #said = '';
  port = 0;
  httpsPort = 0;

  /** Resolves when it says that it is ready; rejects with what it said otherwise. */
  async start({ workers = 1, port = 0, httpsPort, more = [], env = {} }: ProxyFlags = {}): Promise<void> {
    const words = [
      'run',
      '--http-host',
      '127.0.0.1',
      '--http-port',
      String(port),
      '--https-port',
      httpsPort === undefined ? 'none' : String(httpsPort),
      '--workers',
      String(workers),
    ];
    words.push('--socket-path', this.socketPath, '--state-dir', this.stateDir, ...more);
    const child = Bun.spawn([process.execPath, ENTRY, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#process = child;
    this.#said = '';
    const heardAll = Promise.all([this.#collect(child.stdout), this.#collect(child.stderr)]);
    await until('ready', async () => {
      if (child.exitCode === null && child.signalCode === null) return this.#said.includes('is ready on');
      await heardAll;
      throw new Error(`it ended with ${child.exitCode}: ${this.#said}`);
    });
    this.port = Number(/ready on http:\/\/[^ ]*:(\d+)/.exec(this.#said)?.[1]);
    this.httpsPort = Number(/ https:\/\/[^ ]*:(\d+)/.exec(this.#said)?.[1]);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get said(): string {
    return this.#said;
  }

  get client(): ProxyClient {
    return createProxyClient({ socketPath: this.socketPath });
  }

  get workerPids(): readonly number[] {
    return findWorkers(join(this.stateDir, 'workers.sock')).map(({ pid }) => pid);
  }

  async signal(name: NodeJS.Signals): Promise<number> {
    this.#process?.kill(name);
    return (await this.#process?.exited) ?? -1;
  }

  link(owner = 'inst-a', epoch = 1, snapshot: readonly ServiceSpec[] = []): LinkRecorder {
    const link = createProxyLink({
      socketPath: this.socketPath,
      installationId: owner,
      epoch,
      clock: systemClock,
    });
    this.#links.push(link);
    const recorder = new LinkRecorder(link, snapshot);
    link.open(recorder);
    return recorder;
  }

  /** A client command as a person gives it in this directory, about this daemon. */
  async run(...words: readonly string[]): Promise<Said> {
    const child = Bun.spawn([process.execPath, ENTRY, ...words], {
      cwd: this.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', LUMA_PROXY_SOCKET_PATH: this.socketPath },
    });
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, out, err };
  }

  /** While the first one runs; resolves when the second is ready, with the exit of the first. */
  async startAnother(flags: ProxyFlags): Promise<{ exited: Promise<number> }> {
    const first = this.#process!;
    this.#earlier.push(first);
    await this.start(flags);
    return { exited: first.exited };
  }

  get(host: string, path = '/', init: RequestInit = {}, port = this.port): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), host, connection: 'close' };
    return fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
  }

  /** Ends whatever still runs and removes the directory. */
  async dispose(): Promise<void> {
    for (const link of this.#links) link.close();
    if (this.#process?.exitCode === null) await this.signal('SIGKILL');
    for (const process of this.#earlier) process.kill('SIGKILL');
    for (const pid of this.workerPids) process.kill(pid, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.#said += decoder.decode(chunk, { stream: true });
  }
}

/** A control plane that writes down what it hears and wants what the test says. */
export class LinkRecorder implements ProxyLinkListener {
  readonly heard: string[] = [];
  readonly activity = new Map<string, ServiceActivity>();
  reports: readonly ServiceReport[] = [];
  conflicts: readonly HostConflict[] = [];
  onWakeDo: (service: string) => void = () => {};

  constructor(
    readonly link: ProxyLink,
    public snapshot: readonly ServiceSpec[],
  ) {}

  async onConnected(reports: readonly ServiceReport[]): Promise<readonly ServiceSpec[]> {
    this.reports = reports;
    return this.snapshot;
  }

  onReady(conflicts: readonly HostConflict[]): void {
    this.conflicts = conflicts;
    this.heard.push('ready');
  }

  onDisconnected(): void {
    this.heard.push('disconnected');
  }

  onWake(service: string): void {
    this.heard.push(`wake ${service}`);
    this.onWakeDo(service);
  }

  onAnswered(service: string, targetId: string): void {
    this.heard.push(`answered ${service} ${targetId}`);
  }

  onTargetRefused(service: string, targetId: string): void {
    this.heard.push(`refused ${service} ${targetId}`);
  }

  onFenceLifted(service: string): void {
    this.heard.push(`lifted ${service}`);
  }

  onActivity(changed: readonly ServiceActivity[]): void {
    for (const activity of changed) this.activity.set(activity.service, activity);
  }

  count(line: string): number {
    return this.heard.filter((heard) => heard === line).length;
  }

  hears(line: string): Promise<void> {
    return until(`to hear ${line}`, () => this.heard.includes(line));
  }
}

export function spec(name: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name,
    hosts: [`${name}.test`],
    pathPrefixes: ['/'],
    stripPathPrefix: false,
    traffic: 'forward',
    holdTimeoutMs: 10_000,
    responseTimeoutMs: 0,
    targetConcurrency: 0,
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
    ...PLAIN_OPTIONS,
    issuance: PLAIN_ISSUANCE,
    targets: [],
    ...more,
  };
}

export function target(id: string, port: number): TargetSpec {
  return { id, host: '127.0.0.1', port, readiness: { kind: 'connect', path: null, timeoutMs: 1_000 } };
}

/** An app: answers with its name, slowly at `/slow` (until `finish`), and counts. */
export class App {
  readonly #server: Bun.Server<undefined>;
  readonly #waiting: (() => void)[] = [];
  requests = 0;

  constructor(readonly name: string) {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      fetch: async (request) => {
        this.requests += 1;
        if (new URL(request.url).pathname === '/slow') {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        return new Response(this.name);
      },
    });
  }

  get port(): number {
    return this.#server.port!;
  }

  finish(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

/** Waits for something in another process; what never comes fails by name. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(2);
  }
}
