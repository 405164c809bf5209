/** For tests: an API whose every answer is written down beforehand, and a terminal that keeps what was said. */
import type { ProjectJson, TrafficShareJson } from '../../api/client/index.ts';
import type { Terminal } from '../terminal.ts';
import { runLumaCli } from './index.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export class ScriptedApi {
  readonly asked: Asked[] = [];
  readonly #answers = new Map<string, () => Response>();
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** `GET /projects` → what it answers. */
  on(methodAndPath: string, body: unknown, status = 200): this {
    return this.onStream(methodAndPath, () => Response.json(body, { status }));
  }

  onStream(methodAndPath: string, answer: () => Response): this {
    this.#answers.set(methodAndPath, answer);
    return this;
  }

  problem(methodAndPath: string, status: number, problem: Record<string, unknown>): this {
    const headers = { 'content-type': 'application/problem+json' };
    const body = { type: 'urn:luma:problem:x', title: 'x', status, ...problem };
    return this.onStream(methodAndPath, () => new Response(JSON.stringify(body), { status, headers }));
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const text = await request.text();
    this.asked.push({
      method: request.method,
      path: `${pathname}${search}`,
      body: text ? JSON.parse(text) : null,
    });
    const answer = this.#answers.get(`${request.method} ${pathname}`);
    return answer ? answer() : Response.json({ detail: 'not scripted' }, { status: 599 });
  }
}

export interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly terminal?: Partial<Terminal>;
  readonly apiUrl?: string;
  /** Flags that `up` or `server` was run with are put here. */
  readonly onHost?: (command: 'up' | 'server', flags: unknown) => void;
}

export async function runLuma(argv: readonly string[], options: RunOptions = {}): Promise<Said> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    writeOut: (text) => {
      out += text;
    },
    writeErr: (text) => {
      err += text;
    },
    readText: () => Promise.reject(new Error('no such file')),
    readHidden: async () => null,
    isOutTty: false,
    isErrTty: false,
    env: {},
    cwd: '/',
    signal: new AbortController().signal,
    ...options.terminal,
  };
  const host = (command: 'up' | 'server') => ({
    options: [
      { name: 'http-port', placeholder: 'port', summary: 'a port' },
      { name: 'debug', summary: 'a switch' },
    ],
    run: async (flags: unknown) => options.onHost?.(command, flags),
  });
  const exitCode = await runLumaCli(
    {
      version: '1.2.3',
      terminal,
      defaultApiUrl: () => options.apiUrl ?? 'http://127.0.0.1:1',
      up: host('up'),
      server: host('server'),
    },
    argv,
  );
  return { exitCode, out, err };
}

export function projectJson(more: Partial<ProjectJson> = {}): ProjectJson {
  return {
    name: 'hello',
    docker_image: 'nginxdemos/hello',
    env_vars: { APP_ENV: 'development' },
    container_port: 80,
    hostname: 'hello.localhost',
    hostnames: ['hello.localhost'],
    command: null,
    entrypoint: null,
    working_dir: null,
    idle_timeout: '20s',
    wake_timeout: '1m',
    wait_mode: 'hold',
    ssl: false,
    ssl_redirect: true,
    response_timeout: '5m',
    forward_headers: false,
    path_prefix: '/',
    sticky_traffic: false,
    quiet_rules: [],
    min_instances: 0,
    max_instances: 100,
    concurrency: 80,
    target_utilization: 0.7,
    session_affinity: false,
    freeze_after: 'never',
    depends_on: [],
    group: null,
    schedules: [],
    kept_awake: [],
    waits_for: [],
    stop_timeout: '10s',
    health_check: null,
    probes: { startup: null, liveness: null, readiness: null },
    status: 'idle',
    failure: null,
    switch_failure: null,
    revision: 1,
    traffic: [shareJson()],
    instances: [],
    url: 'http://hello.localhost:8080',
    created_at: '2026-01-31T08:00:00.000Z',
    updated_at: '2026-01-31T08:00:00.000Z',
    ...more,
  };
}

export function shareJson(more: Partial<TrafficShareJson> = {}): TrafficShareJson {
  return {
    ...{ revision: 1, latest: true, percent: 100, wanted_percent: 100, tag: null },
    ...{ hosts: [], urls: [], status: 'idle' as const, failure: null },
    ...more,
  };
}
