/** `luma up` and `luma server` as a person meets them: ready, in the way of another, interrupted, killed, upgraded. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ask } from './http-client.ts';
import { appCommand, freePort, until } from './luma.ts';

const root = resolve(import.meta.dir, '../..');
const minute = 60_000;

/** A program with its output kept, in a process group of its own as a shell would give it. */
class Program {
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #silent: Promise<unknown>;
  out = '';
  err = '';

  constructor(name: 'luma' | 'luma-proxy', args: readonly string[], env: Record<string, string> = {}) {
    this.#child = Bun.spawn([join(root, name), ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#silent = Promise.all([
      this.#read(this.#child.stdout, (text) => {
        this.out += text;
      }),
      this.#read(this.#child.stderr, (text) => {
        this.err += text;
      }),
    ]);
    started.push(this);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async untilReady(): Promise<this> {
    await until('the ready line', async () => {
      if (this.hasExited) throw new Error(`it exited: ${this.err}`);
      return this.out.includes('is ready');
    });
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As Ctrl-C in a terminal: to everybody in its process group. */
  interruptGroup(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  async exited(): Promise<number> {
    const code = await this.#child.exited;
    // What it said last comes after its end; those that it started may keep its output open.
    await Promise.race([this.#silent, Bun.sleep(500)]);
    return code;
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
  }
}

let folder: string;
let dataDir: string;
let httpPort: number;
let apiPort: number;
let started: Program[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'luma-up-'));
  dataDir = join(folder, 'data');
  [httpPort, apiPort] = [await freePort(), await freePort()];
  started = [];
});

afterEach(async () => {
  for (const program of started) if (!program.hasExited) program.signal('SIGTERM');
  for (const program of started) await program.exited();
  // Whatever a test killed is adopted and taken down by one more run.
  if (existsSync(join(dataDir, 'luma.db'))) {
    const last = await up().untilReady();
    last.signal('SIGTERM');
    expect(await last.exited()).toBe(0);
  }
  expect(ourProcesses()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, minute);

function flags(): string[] {
  return ['--data-dir', dataDir, '--api-port', String(apiPort), '--runtime', 'process'];
}

function up(...more: string[]): Program {
  return new Program('luma', ['up', ...flags(), '--http-port', String(httpPort), ...more]);
}

/** A proxy that is not `luma up`'s own, where requests go to `httpPort`. */
function runProxy(socketPath: string, workers: number): Program {
  return new Program('luma-proxy', [
    'run',
    ...['--http-host', '127.0.0.1', '--http-port', String(httpPort), '--https-port', 'none'],
    ...[
      '--workers',
      String(workers),
      '--socket-path',
      socketPath,
      '--state-dir',
      join(folder, 'proxy-state'),
    ],
  ]);
}

async function refused(program: Program): Promise<{ code: number; err: string }> {
  const code = await program.exited();
  expect(program.out).toBe('');
  return { code, err: program.err };
}

/** Command lines of live processes that name our folder, or carry it in their environment. */
function ourProcesses(): string[] {
  const found: string[] = [];
  for (const path of new Bun.Glob('[0-9]*/cmdline').scanSync({ cwd: '/proc' })) {
    try {
      const line = readFileSync(`/proc/${path}`, 'utf8').replaceAll('\0', ' ');
      if (line.includes(folder)) found.push(line);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

async function api(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await ask({
    port: apiPort,
    host: `127.0.0.1:${apiPort}`,
    path,
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.body ? JSON.parse(answer.body) : {};
}

async function addApp(name: string): Promise<void> {
  const added = await api('POST', '/projects', {
    name,
    hostname: `${name}.localhost`,
    command: appCommand(),
    idle_timeout: 'never',
  });
  expect(added['name']).toBe(name);
}

const get = (name: string, path = '/') => ask({ port: httpPort, host: `${name}.localhost`, path });

function luma(...args: string[]): { code: number; out: string; err: string } {
  const env = { ...process.env, LUMA_API_PORT: String(apiPort) };
  const done = Bun.spawnSync([join(root, 'luma'), ...args], { cwd: folder, env });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

function occupy(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((listening) => server.listen(port, '127.0.0.1', () => listening(server)));
}

describe('luma up', () => {
  test(
    'says ready in one line, answers at hello.localhost at once, and leaves nothing behind',
    async () => {
      const program = await up().untilReady();
      expect(program.out.split('\n')).toHaveLength(2);
      expect(program.out).toContain(
        `proxy http://127.0.0.1:${httpPort}, API http://127.0.0.1:${apiPort}, runtime local processes`,
      );
      expect((await get('hello')).body).toContain('Hello from Luma!');
      expect(luma('projects').out).toContain('hello  running');
      program.signal('SIGTERM');
      expect(await program.exited()).toBe(0);
      expect(ourProcesses()).toEqual([]);
    },
    minute,
  );

  test(
    'registers hello only once in the life of its data',
    async () => {
      const first = await up().untilReady();
      expect(luma('projects', 'remove', 'hello').code).toBe(0);
      first.signal('SIGINT');
      expect(await first.exited()).toBe(0);
      await up().untilReady();
      expect(JSON.parse(luma('projects', '--json').out)).toEqual([]);
    },
    minute,
  );

  test(
    'refuses a data directory that another one uses',
    async () => {
      const first = await up().untilReady();
      const { code, err } = await refused(
        new Program('luma', ['up', '--data-dir', dataDir, '--api-port', String(await freePort())]),
      );
      expect(code).toBe(1);
      expect(err).toContain(`uses the data directory ${dataDir}`);
      expect(err).toContain(`process id ${first.pid}`);
      expect(err).toContain('hint: ');
      expect((await get('hello')).status).toBe(200);
    },
    minute,
  );

  test(
    'refuses a port that is in use by number and flag, and starts nothing',
    async () => {
      const onApi = await occupy(apiPort);
      const api = await refused(up());
      expect([api.code, api.err]).toEqual([
        1,
        `error: port ${apiPort} on 127.0.0.1 is in use\nhint: stop what uses it, or choose another port with --api-port\n`,
      ]);
      onApi.close();
      const onHttp = await occupy(httpPort);
      const http = await refused(up());
      expect([http.code, http.err]).toEqual([
        1,
        `error: port ${httpPort} on 127.0.0.1 is in use\nhint: stop what uses it, or choose another port with --http-port\n`,
      ]);
      onHttp.close();
      expect(ourProcesses()).toEqual([]);
    },
    minute,
  );

  test('refuses settings it does not know, by name', async () => {
    writeFileSync(join(folder, 'luma.config.yml'), 'http_prot: 8080\n');
    const inFile = await refused(new Program('luma', ['up']));
    expect([inFile.code, inFile.err]).toEqual([2, expect.stringContaining('did you mean http_port?')]);
    rmSync(join(folder, 'luma.config.yml'));
    expect((await refused(new Program('luma', ['up', '--http-port', 'web']))).code).toBe(2);
    expect((await refused(new Program('luma', ['up', '--colour', 'red']))).code).toBe(2);
    expect((await refused(new Program('luma', ['up'], { LUMA_RUNTIME: 'podman' }))).err).toContain(
      'LUMA_RUNTIME',
    );
  });

  test(
    'lets a request in flight finish on Ctrl-C, although that reaches its whole process group',
    async () => {
      const program = await up().untilReady();
      await addApp('slow');
      expect((await get('slow')).status).toBe(200);
      const answer = get('slow', '/slow?ms=1500');
      // The app answers after 1.5 s: the request is on its way there by then.
      await Bun.sleep(300);
      program.interruptGroup();
      expect((await answer).status).toBe(200);
      expect(await program.exited()).toBe(0);
    },
    minute,
  );

  test(
    'ends at once on a second signal',
    async () => {
      const program = await up().untilReady();
      await addApp('slow');
      await get('slow');
      const answer = get('slow', '/slow?ms=25000').catch((error: Error) => error.message);
      await Bun.sleep(200);
      program.signal('SIGTERM');
      await until('it to be stopping', async () => program.err.includes('stopping'));
      // Sooner it would be an echo of the first.
      await Bun.sleep(200);
      const beganMs = performance.now();
      program.signal('SIGTERM');
      expect(await program.exited()).toBe(130);
      expect(performance.now() - beganMs).toBeLessThan(5_000);
      expect(typeof (await answer)).toBe('string');
    },
    minute,
  );

  test(
    'finds its proxy again after a kill -9, and refuses it only when it listens elsewhere',
    async () => {
      const first = await up().untilReady();
      await addApp('awake');
      expect((await get('awake')).status).toBe(200);
      first.signal('SIGKILL');
      await first.exited();
      expect((await get('awake')).status).toBe(200);

      const elsewhere = await refused(
        new Program('luma', ['up', ...flags(), '--http-port', String(await freePort())]),
      );
      expect(elsewhere.code).toBe(1);
      expect(elsewhere.err).toContain(`listens on 127.0.0.1:${httpPort}`);
      expect((await get('awake')).status).toBe(200);

      const again = await up().untilReady();
      expect((await get('awake')).status).toBe(200);
      again.signal('SIGTERM');
      expect(await again.exited()).toBe(0);
      expect(ourProcesses()).toEqual([]);
    },
    minute,
  );
});

describe('luma server', () => {
  test(
    'serves its API before the proxy is there, and leaves proxy and instances running when it ends',
    async () => {
      const socket = join(folder, 'proxy.sock');
      const server = await new Program('luma', ['server', ...flags(), '--proxy-socket', socket]).untilReady();
      expect(server.out).toContain('proxy not there yet');
      expect((await api('GET', '/healthz'))['proxy']).toBe('disconnected');

      const proxy = runProxy(socket, 1);
      await until('the link', async () => (await api('GET', '/healthz'))['proxy'] === 'connected');
      await addApp('awake');
      expect((await get('awake')).status).toBe(200);

      server.signal('SIGTERM');
      expect(await server.exited()).toBe(0);
      expect((await get('awake')).status).toBe(200);
      proxy.signal('SIGTERM');
      expect(await proxy.exited()).toBe(0);
    },
    minute,
  );
});

describe('luma up beside a proxy that somebody else runs', () => {
  test(
    'uses it, says where it listens, and leaves it running; other ports than asked are an error',
    async () => {
      const socket = join(folder, 'proxy.sock');
      const proxy = await runProxy(socket, 0).untilReady();
      const named = ['up', ...flags(), '--proxy-socket', socket];
      const elsewhere = await refused(
        new Program('luma', [...named, '--http-port', String(await freePort())]),
      );
      expect([elsewhere.code, elsewhere.err]).toEqual([1, expect.stringContaining(`127.0.0.1:${httpPort}`)]);

      const program = await new Program('luma', named).untilReady();
      expect(program.out).toContain(`proxy http://127.0.0.1:${httpPort},`);
      expect((await get('hello')).status).toBe(200);
      program.signal('SIGTERM');
      expect(await program.exited()).toBe(0);
      expect(proxy.hasExited).toBe(false);
      proxy.signal('SIGTERM');
      expect(await proxy.exited()).toBe(0);
    },
    minute,
  );

  test('says so when it does not answer', async () => {
    const program = new Program('luma', ['up', ...flags(), '--proxy-socket', join(folder, 'none.sock')]);
    const { code, err } = await refused(program);
    expect([code, err]).toEqual([3, expect.stringContaining(join(folder, 'none.sock'))]);
    expect(err).toContain('--proxy-socket');
    expect(err).not.toContain('--socket-path');
  });
});
