/**
 * Runs the real programs as a user would: `luma up`, or `luma-proxy run` and `luma server` apart, each in a data
 * directory and on ports of its own. Every process is ended by pid; `stop` says what was left behind.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Subprocess } from 'bun';
import { type Answer, ask } from './http-client.ts';

const root = resolve(import.meta.dir, '../..');

export interface LumaOptions {
  readonly runtime: 'process' | 'docker';
  /** Environment for Luma itself, e.g. DOCKER_HOST. */
  readonly env?: Readonly<Record<string, string>>;
  /** Proxy and server as processes of their own instead of `luma up`. */
  readonly apart?: boolean;
  readonly workers?: number;
  /** Of a proxy that runs already: `luma server` is started for it, and nothing else. */
  readonly proxySocket?: string;
  /** More flags of `luma up`. */
  readonly flags?: readonly string[];
  /** Default: one that is free. */
  readonly httpPort?: number;
  /** What is to be done with the data directory before anything runs in it. */
  readonly prepare?: (dataDir: string) => void;
  /** And after everything has ended. */
  readonly cleanUp?: () => void;
}

export interface Wanted {
  readonly name: string;
  readonly [field: string]: unknown;
}

export interface ToldEvent {
  readonly kind: string;
  readonly at: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** One installation: its processes, ports and data. */
export class Luma {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'luma-e2e-'));
  readonly #options: LumaOptions;
  #proxy: Program | null = null;
  #server: Program | null = null;

  private constructor(
    options: LumaOptions,
    readonly httpPort: number,
    readonly apiPort: number,
  ) {
    this.#options = options;
  }

  static async start(options: LumaOptions): Promise<Luma> {
    const luma = new Luma(options, options.httpPort ?? (await freePort()), await freePort());
    options.prepare?.(luma.dataDir);
    if (options.apart) await luma.startProxy();
    await luma.startServer();
    return luma;
  }

  get serverPid(): number {
    return this.#server?.pid ?? 0;
  }

  /** By which it has ended; null while it runs. */
  get serverSignal(): string | null {
    return this.#server?.signalCode ?? null;
  }

  get proxyPid(): number {
    return this.#proxy?.pid ?? 0;
  }

  get proxySocket(): string {
    return this.#options.proxySocket ?? join(this.dataDir, 'proxy.sock');
  }

  async startProxy(): Promise<void> {
    this.#proxy = new Program('luma-proxy.ts', [
      'run',
      ...['--http-host', '127.0.0.1', '--http-port', String(this.httpPort), '--https-port', 'none'],
      ...['--socket-path', this.proxySocket, '--state-dir', join(this.dataDir, 'proxy')],
      ...['--workers', String(this.#options.workers ?? 1)],
    ]);
    await until('the proxy to answer', async () => {
      this.#proxy?.mustRun();
      return (await this.get('any.localhost', '/luma-proxy-health')).status === 200;
    });
  }

  /** Starts `luma up`, or `luma server` when the proxy runs apart, and waits until the API answers. */
  async startServer(): Promise<void> {
    const flags = ['--data-dir', this.dataDir, '--api-port', String(this.apiPort)];
    flags.push('--runtime', this.#options.runtime);
    const isApart = this.#options.apart || this.#options.proxySocket !== undefined;
    if (isApart) flags.push('--proxy-socket', this.proxySocket);
    else flags.push('--http-port', String(this.httpPort), ...(this.#options.flags ?? []));
    const command = isApart ? 'server' : 'up';
    this.#server = new Program('luma.ts', [command, ...flags], this.#options.env);
    await until('the API to answer', async () => {
      this.#server?.mustRun();
      return (await this.api('GET', '/healthz')).json['proxy'] === 'connected';
    });
  }

  /** kill -9, as a crash would. */
  async killServer(): Promise<void> {
    await this.#server?.end('SIGKILL');
  }

  /** kill -9 of the daemon alone: its workers serve on, and the next daemon finds them. */
  async killProxy(): Promise<void> {
    await this.#proxy?.end('SIGKILL');
  }

  /** Ends everything in order; returns the exit code of the server. */
  async stop(): Promise<number> {
    for (const { name } of await this.projects().catch(() => []))
      await this.api('DELETE', `/projects/${name}`);
    return this.end();
  }

  /** Leaves the projects there are: nothing but files of them may be left. */
  async end(): Promise<number> {
    const code = (await this.#server?.end('SIGTERM')) ?? 0;
    await this.#proxy?.end('SIGTERM');
    this.#options.cleanUp?.();
    rmSync(this.dataDir, { recursive: true, force: true });
    return code;
  }

  /** SIGTERM to the server alone, as Ctrl-C does; the data stays. */
  async interruptServer(): Promise<number> {
    return (await this.#server?.end('SIGTERM')) ?? 0;
  }

  /** SIGTERM to the proxy alone. */
  async interruptProxy(): Promise<void> {
    await this.#proxy?.end('SIGTERM');
  }

  output(): string {
    return `${this.#server?.output() ?? ''}${this.#proxy?.output() ?? ''}`;
  }

  get(host: string, path = '/', more: Partial<Parameters<typeof ask>[0]> = {}): Promise<Answer> {
    return ask({ port: this.httpPort, host, path, ...more });
  }

  async api(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; headers: Answer['headers']; json: Record<string, unknown> }> {
    const answer = await ask({
      port: this.apiPort,
      host: `127.0.0.1:${this.apiPort}`,
      path,
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status, headers } = answer;
    return { status, headers, json: answer.body ? JSON.parse(answer.body) : {} };
  }

  /** Registers a project that runs the test app, and fails unless it was accepted. */
  async add(project: Wanted): Promise<void> {
    const hostname = `${project.name}.localhost`;
    const answer = await this.api('POST', '/projects', { hostname, ...this.#program(), ...project });
    if (answer.status !== 201) throw new Error(`add ${project.name}: ${JSON.stringify(answer)}`);
  }

  async projects(): Promise<{ name: string; status: string }[]> {
    const { json } = await this.api('GET', '/projects');
    return json['projects'] as { name: string; status: string }[];
  }

  async status(name: string): Promise<string> {
    return String((await this.api('GET', `/projects/${name}`)).json['status']);
  }

  async events(name: string, kind?: string): Promise<ToldEvent[]> {
    const { json } = await this.api('GET', `/projects/${name}/events?limit=1000`);
    const events = json['events'] as ToldEvent[];
    return kind ? events.filter((event) => event.kind === kind) : events;
  }

  untilStatus(name: string, wanted: string): Promise<void> {
    return until(`${name} to be ${wanted}`, async () => (await this.status(name)) === wanted);
  }

  #program(): Record<string, unknown> {
    if (this.#options.runtime === 'docker') return { docker_image: 'luma-test/app', container_port: 8080 };
    return { command: appCommand() };
  }
}

const LOOKS_AFTER_END_MAX = 25;

/** One child process with its output kept. */
class Program {
  readonly #child: Subprocess<'ignore', 'pipe', 'pipe'>;
  #output = '';
  #isSilent = false;
  #looksAfterEnd = 0;

  constructor(entry: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = Bun.spawn([process.execPath, join(root, 'src/bin', entry), ...args], {
      env: { ...process.env, ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const outputs = [this.#collect(this.#child.stdout), this.#collect(this.#child.stderr)];
    void Promise.all(outputs).then(() => {
      this.#isSilent = true;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get signalCode(): string | null {
    return this.#child.signalCode === null ? null : String(this.#child.signalCode);
  }

  output(): string {
    return this.#output;
  }

  /** What it said last comes after its end; those that it started may keep its output open. */
  mustRun(): void {
    if (this.#child.exitCode === null) return;
    this.#looksAfterEnd += 1;
    if (this.#isSilent || this.#looksAfterEnd > LOOKS_AFTER_END_MAX)
      throw new Fatal(`exited with ${this.#child.exitCode}: ${this.#output}`);
  }

  async end(signal: NodeJS.Signals): Promise<number> {
    if (this.#child.exitCode === null) this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 60_000);
    const code = await this.#child.exited;
    clearTimeout(late);
    return code;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.#output = (this.#output + decoder.decode(bytes)).slice(-100_000);
  }
}

/** Waiting is over: asking again cannot help. */
class Fatal extends Error {}

/** Asks again every 20 ms until it is true. */
export async function until(what: string, isTrue: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = 'it was false';
  while (performance.now() < deadline) {
    try {
      if (await isTrue()) return;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    await Bun.sleep(20);
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${last}`);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

let staged: string[] | null = null;

/** The test app as a command that the unprivileged user of the process runtime can read and run. */
export function appCommand(): string[] {
  staged ??= [runnableByAll(process.execPath), runnableByAll(join(root, 'test/apps/server.ts'))];
  return staged;
}

function runnableByAll(path: string): string {
  if (isOpenToAll(path)) return path;
  const folder = mkdtempSync(join(tmpdir(), 'luma-e2e-app-'));
  chmodSync(folder, 0o755);
  const copy = join(folder, path.endsWith('.ts') ? 'server.ts' : 'bun');
  copyFileSync(path, copy);
  chmodSync(copy, 0o755);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return copy;
}

function isOpenToAll(path: string): boolean {
  for (let at = dirname(path); at !== '/'; at = dirname(at)) if (!(statSync(at).mode & 0o001)) return false;
  return (statSync(path).mode & 0o004) !== 0;
}

/** Pids of live processes whose environment carries `marker`: what an installation left behind. */
export function processesWith(marker: string): number[] {
  const pids: number[] = [];
  for (const entry of new Bun.Glob('[0-9]*/environ').scanSync({ cwd: '/proc', onlyFiles: false })) {
    const pid = Number(entry.split('/')[0]);
    const path = `/proc/${pid}/environ`;
    try {
      if (existsSync(path) && readFileSync(path, 'latin1').includes(marker)) pids.push(pid);
    } catch (error) {
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return pids;
}
