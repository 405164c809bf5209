/**
 * TLS at the edge beside nginx and Caddy, in one run: CPU per handshake, per request on HTTP/1.1 keep-alive, and per
 * request on HTTP/2 (the server's own, from the scheduler's books), and what 10,000 distinct certificates cost. Each server
 * has one core to itself, load and upstream share the other; rounds are interleaved and medians of ratios compared.
 *   bun bench/tls.ts [--case http1,http2,handshake,certificates] [--rounds N] [--seconds N] [--certificates N]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';
import { makeCertificate, writeCertificate } from '../src/base/certificate.fixture.ts';
import { LOAD_CORE, outputOfLoad, SERVER_CORE } from './peers/cores.ts';
import { distinctCertificate } from './peers/distinct-certificates.ts';
import { cpuUs, family, Processes, rssMb, untilListening } from './peers/processes.ts';
import { nginxBase } from './peers/proxies.ts';
import { percentile, printTable } from './statistics.ts';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'http1,http2,handshake,certificates' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    certificates: { type: 'string', default: '10000' },
  },
});

const UPSTREAM_PORT = 19_300;
const FIRST_PORT = 19_301;
const CONNECTIONS = '64';
const HTTP2_STREAMS = '4';
const WARM_UP = 500;
const HTTP2_REQUESTS_PER_SECOND = 15_000;
const KEEP_ALIVE_CONNECTIONS = '1024';

interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

const processes = new Processes();
const certificate = makeCertificate(['bench.test']);
const folder = join(processes.folder, 'certificates');
mkdirSync(folder);
writeCertificate(join(folder, 'default.pem'), certificate);
const certificatePath = processes.file('chain.pem', certificate.certificatePem);
const keyPath = processes.file('key.pem', certificate.privateKeyPem);

function upstreamCommand(): string[] {
  const text = `${nginxBase('upstream', processes.folder)}
server { listen 127.0.0.1:${UPSTREAM_PORT} backlog=4096;
location / { default_type text/plain; return 200 "${'x'.repeat(100)}"; } } }`;
  return ['nginx', '-c', processes.file('upstream.conf', text)];
}

function nginxCommand(port: number): string[] {
  const text = `${nginxBase(`nginx-${port}`, processes.folder)}
upstream u { server 127.0.0.1:${UPSTREAM_PORT} max_fails=0; keepalive ${KEEP_ALIVE_CONNECTIONS}; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} ssl http2 backlog=4096; ssl_certificate ${certificatePath};
ssl_certificate_key ${keyPath}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;
location / { proxy_pass http://u; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
proxy_next_upstream off; proxy_set_header Connection ''; proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Request-ID $request_id; } } }`;
  return ['nginx', '-c', processes.file(`nginx-${port}.conf`, text)];
}

function caddyCommand(port: number): string[] {
  const text = `{
  admin off
  auto_https off
  log {
    output discard
  }
}
https://:${port} {
  bind 127.0.0.1
  tls ${certificatePath} ${keyPath}
  reverse_proxy 127.0.0.1:${UPSTREAM_PORT} {
    transport http {
      keepalive_idle_conns_per_host ${KEEP_ALIVE_CONNECTIONS}
    }
  }
}
`;
  return ['caddy', 'run', '--adapter', 'caddyfile', '--config', processes.file(`Caddyfile-${port}`, text)];
}

function lumaCommand(port: number, count = 0): string[] {
  const worker = join(import.meta.dirname, 'tls-worker.ts');
  return [process.execPath, worker, String(port), String(UPSTREAM_PORT), folder, String(count)];
}

function start(name: string, port: number, command: readonly string[]): Server {
  return { name, port, pid: processes.start(command, SERVER_CORE, { GOMAXPROCS: '1' }) };
}

/** Each resolves with how many it made in the time. */
const LOADS: Readonly<Record<string, (port: number, seconds: string) => number>> = {
  http1: (port, seconds) => {
    const output = outputOfLoad([
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      `https://127.0.0.1:${port}/`,
    ]);
    if (/Non-2xx|Socket errors/.test(output)) throw new Error(output);
    return Number(/(\d+) requests in/.exec(output)?.[1]);
  },
  http2: (port, seconds) => {
    const wanted = String(HTTP2_REQUESTS_PER_SECOND * Number(seconds));
    const url = `https://127.0.0.1:${port}/`;
    const output = outputOfLoad(['h2load', '-c', CONNECTIONS, '-m', HTTP2_STREAMS, '-n', wanted, url]);
    const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
    if (succeeded !== Number(wanted) || !output.includes('Application protocol: h2')) throw new Error(output);
    return succeeded;
  },
  handshake: (port, seconds) => {
    const output = outputOfLoad([
      'openssl',
      's_time',
      '-connect',
      `127.0.0.1:${port}`,
      '-new',
      '-time',
      seconds,
    ]);
    return Number(/(\d+) connections in \d+ real seconds/.exec(output)?.[1]);
  },
};

const SAYS: Readonly<Record<string, string>> = {
  http1: `HTTP/1.1 keep-alive, ${CONNECTIONS} connections, 100-byte answers`,
  http2: `HTTP/2, ${CONNECTIONS} connections of ${HTTP2_STREAMS} streams, 100-byte answers`,
  handshake: 'full TLS 1.3 handshakes with an ECDSA P-256 certificate, one after the other',
};

interface Round {
  readonly cpuUs: number;
  readonly count: number;
  readonly rssMb: number;
}

function measure(server: Server, load: (port: number, seconds: string) => number): Round {
  const pids = family(server.pid);
  const before = cpuUs(pids);
  const count = load(server.port, values.seconds);
  return { cpuUs: (cpuUs(pids) - before) / count, count, rssMb: rssMb(pids) };
}

function compare(name: string, servers: readonly Server[]): void {
  const load = LOADS[name];
  if (load === undefined) throw new Error(`no case is called ${name}`);
  for (const { port } of servers) load(port, '1');
  const rounds = Array.from({ length: Number(values.rounds) }, () =>
    servers.map((server) => measure(server, load)),
  );
  const median = (pick: (round: readonly Round[]) => number): number => percentile(rounds.map(pick), 0.5);
  const rows = servers.map(({ name: server }, index) => {
    const ratios = rounds.map((round) => (round[0]?.cpuUs ?? 0) / (round[index]?.cpuUs ?? 0));
    const spread = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    const cpu = median((round) => round[index]?.cpuUs ?? 0);
    return [
      server,
      cpu,
      (1_000_000 / cpu).toFixed(0),
      median((round) => round[index]?.rssMb ?? 0).toFixed(0),
      percentile(ratios, 0.5),
      spread,
    ];
  });
  console.log(`\n${name}: ${SAYS[name]}; ${values.rounds} rounds`);
  printTable(['server', 'CPU us each', 'each/s and core', 'RSS MB', 'luma/it CPU', 'spread'], rows);
}

function writeCertificates(count: number): void {
  for (let index = 0; index < count; index++)
    writeFileSync(join(folder, `${index}.pem`), distinctCertificate(`${index}.bench.test`, index));
}

function shake(port: number, index: number, isDistinct: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const servername = `${index}.bench.test`;
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      const isRight = !isDistinct || socket.getPeerCertificate().subjectaltname === `DNS:${servername}`;
      socket.destroy();
      if (isRight) resolve();
      else reject(new Error(`the certificate for ${servername} is another one`));
    });
    socket.on('error', reject);
  });
}

/** Every certificate once, which loads it, then a part of them again. */
async function compareCertificates(port: number): Promise<void> {
  const count = Number(values.certificates);
  const again = Math.min(1_000, count);
  writeCertificates(count);
  const rows: (string | number)[][] = [];
  for (const [name, loaded] of [
    ['one', 0],
    [`${count}`, count],
  ] as const) {
    const beganAtMs = performance.now();
    const server = start(
      name,
      port + (loaded === 0 ? 0 : 1),
      lumaCommand(port + (loaded === 0 ? 0 : 1), loaded),
    );
    await untilListening(server.port);
    const upMs = performance.now() - beganAtMs;
    const pids = family(server.pid);
    const before = rssMb(pids);
    // What a process does once is no cost of a certificate.
    for (let index = 0; index < WARM_UP; index++) await shake(server.port, count + index, false);
    const firstUs = await cpuOf(pids, server.port, [0, loaded], loaded > 0);
    const lastUs = await cpuOf(pids, server.port, [count - again, count], loaded > 0);
    const anyUs = await cpuOf(pids, server.port, [0, count], loaded > 0);
    rows.push([name, upMs.toFixed(0), before.toFixed(0), firstUs, lastUs, anyUs, rssMb(pids).toFixed(0)]);
  }
  console.log(
    '\ncertificates: start-up, the first handshake of each, 1,000 with those used last, then one with each again',
  );
  const columns = [
    'certificates',
    'up ms',
    'RSS MB',
    'CPU us first',
    'CPU us last',
    'CPU us all again',
    'RSS MB then',
  ];
  printTable(columns, rows);
}

/** CPU of the server per handshake; with one certificate every name gets that one. */
async function cpuOf(
  pids: readonly number[],
  port: number,
  [from, to]: readonly [number, number],
  isDistinct: boolean,
): Promise<number> {
  if (from === to) return Number.NaN;
  const before = cpuUs(pids);
  for (let index = from; index < to; index++) await shake(port, index, isDistinct);
  return (cpuUs(pids) - before) / (to - from);
}

try {
  processes.start(upstreamCommand(), LOAD_CORE);
  const servers = [
    start('luma', FIRST_PORT, lumaCommand(FIRST_PORT)),
    start('nginx', FIRST_PORT + 1, nginxCommand(FIRST_PORT + 1)),
    start('caddy', FIRST_PORT + 2, caddyCommand(FIRST_PORT + 2)),
  ];
  for (const port of [UPSTREAM_PORT, ...servers.map((server) => server.port)]) await untilListening(port);
  for (const name of values.case.split(',')) {
    if (name === 'certificates') await compareCertificates(FIRST_PORT + 3);
    else compare(name, servers);
  }
} catch (error) {
  console.error(processes.errors());
  throw error;
} finally {
  await processes.stop();
}
