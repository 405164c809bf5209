/**
 * The edge beside nginx, HAProxy and Caddy: CPU per request (the server's own utime+stime), requests/s, p99 and RSS.
 * Each server has one core to itself, load and upstream share the other; rounds are interleaved and medians compared,
 * so that a busy machine moves all of them alike.
 *   bun bench/edge.ts [--rounds N] [--seconds N] [--connections N] [--headers plain|browser] [--only luma,nginx]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    headers: { type: 'string', default: 'plain' },
    only: { type: 'string', default: 'luma,nginx,haproxy,caddy' },
  },
});

const SERVER_CORE = '0';
const LOAD_CORE = cpus().length > 1 ? '1' : '0';
const TICK_US = 10_000;
const UPSTREAM_PORT = 19_200;
const BROWSER_HEADERS = [
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cache-Control: max-age=0',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: none',
  'Upgrade-Insecure-Requests: 1',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
];

const folder = mkdtempSync(join(tmpdir(), 'luma-bench-edge-'));
const started: ChildProcess[] = [];

interface Peer {
  readonly name: string;
  readonly port: number;
  readonly command: readonly string[];
}

interface Round {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
}

const nginxCommon = `worker_processes 1; daemon off; pid ${folder}/NAME.pid; error_log /dev/null crit;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;`;

function configure(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function upstreamCommand(): string[] {
  const body = 'x'.repeat(100);
  const text = `${nginxCommon.replace('NAME', 'upstream')}
server { listen 127.0.0.1:${UPSTREAM_PORT}; location / { default_type text/plain; return 200 "${body}"; } } }`;
  return ['nginx', '-c', configure('upstream.conf', text)];
}

function peers(): Peer[] {
  const nginx = `${nginxCommon.replace('NAME', 'nginx')}
upstream u { server 127.0.0.1:${UPSTREAM_PORT}; keepalive 256; keepalive_requests 100000000; }
server { listen 127.0.0.1:19202; location / { proxy_pass http://u; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
proxy_set_header X-Request-ID $request_id; } } }`;
  const haproxy = `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:19203
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend b
backend b
  server s 127.0.0.1:${UPSTREAM_PORT}
`;
  const caddy = `{
  admin off
  auto_https off
}
http://:19204 {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${UPSTREAM_PORT} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
  const worker = join(import.meta.dirname, 'edge-worker.ts');
  return [
    { name: 'luma', port: 19_201, command: [process.execPath, worker, '19201', String(UPSTREAM_PORT)] },
    { name: 'nginx', port: 19_202, command: ['nginx', '-c', configure('nginx.conf', nginx)] },
    { name: 'haproxy', port: 19_203, command: ['haproxy', '-db', '-f', configure('haproxy.cfg', haproxy)] },
    {
      name: 'caddy',
      port: 19_204,
      command: ['caddy', 'run', '--adapter', 'caddyfile', '--config', configure('Caddyfile', caddy)],
    },
  ];
}

function start(core: string, command: readonly string[]): number {
  const env = { ...process.env, GOMAXPROCS: '1', HOME: folder };
  const child = spawn('taskset', ['-c', core, ...command], { stdio: ['ignore', 'ignore', 'inherit'], env });
  started.push(child);
  if (child.pid === undefined) throw new Error(`cannot start ${command[0]}`);
  return child.pid;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isUp) return;
    await Bun.sleep(50);
  }
  throw new Error(`nothing listens on ${port}`);
}

/** The process and its children: nginx serves from a worker. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(family))];
}

function cpuTicks(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}

function rssMb(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids)
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return kilobytes / 1024;
}

function load(peer: Peer, seconds: string): string {
  const headers = values.headers === 'browser' ? BROWSER_HEADERS.flatMap((header) => ['-H', header]) : [];
  const command = [
    '-c',
    LOAD_CORE,
    'wrk',
    '-t1',
    `-c${values.connections}`,
    `-d${seconds}s`,
    '--latency',
    ...headers,
  ];
  return spawnSync('taskset', [...command, `http://127.0.0.1:${peer.port}/`], { encoding: 'utf8' }).stdout;
}

function measure(peer: Peer, pid: number): Round {
  const pids = family(pid);
  const before = cpuTicks(pids);
  const output = load(peer, values.seconds);
  const ticks = cpuTicks(pids) - before;
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${peer.name}: ${output}`);
  return {
    cpuUs: (ticks * TICK_US) / requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50Ms: latency(output, 50),
    p99Ms: latency(output, 99),
    rssMb: rssMb(pids),
  };
}

function latency(output: string, percentile: number): number {
  const match = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s)`).exec(output);
  const scale = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? 'ms'] ?? 1;
  return Number(match?.[1]) * scale;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function print(results: ReadonlyMap<string, readonly Round[]>): void {
  const of = (name: string, pick: (round: Round) => number): number =>
    median((results.get(name) ?? []).map(pick));
  console.log(
    `\n${values.connections} connections, ${values.headers} headers, 100-byte answers, ${values.rounds} rounds`,
  );
  console.log('server    CPU us/req   req/s    p50 ms   p99 ms   RSS MB');
  for (const name of results.keys()) {
    console.log(
      `${name.padEnd(9)} ${of(name, (r) => r.cpuUs)
        .toFixed(1)
        .padStart(9)} ${of(name, (r) => r.perSecond)
        .toFixed(0)
        .padStart(9)}` +
        ` ${of(name, (r) => r.p50Ms)
          .toFixed(2)
          .padStart(8)} ${of(name, (r) => r.p99Ms)
          .toFixed(2)
          .padStart(8)}` +
        ` ${of(name, (r) => r.rssMb)
          .toFixed(0)
          .padStart(8)}`,
    );
  }
  for (const name of results.keys()) {
    if (name === 'luma' || !results.has('luma')) continue;
    // Of each round by itself: what disturbed one round disturbed both.
    const ratios = (results.get('luma') ?? []).map(
      (round, i) => round.cpuUs / (results.get(name)?.[i]?.cpuUs ?? Number.NaN),
    );
    console.log(
      `luma / ${name.padEnd(8)} CPU ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})` +
        `   p99 ${(of('luma', (r) => r.p99Ms) / of(name, (r) => r.p99Ms)).toFixed(2)}`,
    );
  }
}

async function main(): Promise<void> {
  start(LOAD_CORE, upstreamCommand());
  await untilListening(UPSTREAM_PORT);
  const chosen = peers().filter((peer) => values.only.split(',').includes(peer.name));
  const pids = new Map<string, number>();
  for (const peer of chosen) {
    pids.set(peer.name, start(SERVER_CORE, peer.command));
    await untilListening(peer.port);
    load(peer, '2');
  }
  const results = new Map<string, Round[]>(chosen.map((peer) => [peer.name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of chosen) results.get(peer.name)?.push(measure(peer, pids.get(peer.name) ?? 0));
  }
  print(results);
}

try {
  await main();
} finally {
  for (const child of started) child.kill('SIGTERM');
  await Promise.all(
    started.map(
      (child) =>
        new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(null))),
    ),
  );
  rmSync(folder, { recursive: true });
}
