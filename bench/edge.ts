/**
 * The edge beside nginx, HAProxy, Caddy and Go's ReverseProxy: CPU per request (the server's own, from the scheduler's
 * books), requests/s, p50, p99 and RSS. Each server has one core to itself, load and upstream share the other; rounds
 * are interleaved and medians of ratios compared, so that a busy machine moves all of them alike.
 *   bun bench/edge.ts [--case plain,echo] [--rounds N] [--seconds N] [--only luma,nginx] [--with DIRECTORY]
 * `luma2` is the edge with two workers. `--with` adds `other`: the edge of another checkout, for A/B.
 * Without arguments the whole table, some 12 minutes, and what it comes to in one line for each case.
 * Where others use the machine too, a scheduling group of its own makes ratios steady:
 *   setsid -w sh -c 'echo -20 > /proc/self/autogroup; exec bun bench/edge.ts'
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EDGE_CASES, type EdgeCase, wrkScript } from './edge-cases.ts';
import { LOAD_CORE, outputOfLoad, SERVER_CORE } from './peers/cores.ts';
import { cpuUs, family, Processes, rssMb, untilListening } from './peers/processes.ts';
import { nginxBase, PROXY_NAMES, type ProxyName, proxy } from './peers/proxies.ts';
import { printTable } from './statistics.ts';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: EDGE_CASES.map(({ name }) => name).join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: ['luma', 'luma2', ...PROXY_NAMES].join(',') },
    with: { type: 'string' },
  },
});

const UPSTREAM_PORT = 19_200;
const ECHO_PORT = 19_190;
const FIRST_PORT = 19_201;
const FIRST_ECHO_PORT = 19_231;
const WARM_SECONDS = '2';

interface Round {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
}

interface Runner {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
}

const processes = new Processes();

function upstreamCommand(): string[] {
  for (const [name, bytes] of [
    ['10k', 10_240],
    ['1m', 1_048_576],
  ] as const)
    processes.file(name, 'x'.repeat(bytes));
  const text = `${nginxBase('upstream', processes.folder)} sendfile on; open_file_cache max=10;
server { listen 127.0.0.1:${UPSTREAM_PORT} backlog=4096; root ${processes.folder};
location / { default_type text/plain; return 200 "${'x'.repeat(100)}"; } location = /10k { } location = /1m { } } }`;
  return ['nginx', '-c', processes.file('upstream.conf', text)];
}

function startRunner(name: string, port: number, upstreamPort: number): Runner {
  if (name !== 'luma' && name !== 'luma2' && name !== 'other') {
    const peer = proxy(name as ProxyName, port, upstreamPort, processes);
    return { name, port, pids: [processes.start(peer.command, SERVER_CORE, peer.env)] };
  }
  const folder = name === 'other' ? join(values.with ?? '', 'bench') : import.meta.dirname;
  const worker = join(folder, 'edge-worker.ts');
  const command = [process.execPath, worker, String(port), String(upstreamPort)];
  if (name !== 'luma2') return { name, port, pids: [processes.start(command, SERVER_CORE)] };
  const board = join(processes.folder, `board-${port}`);
  const pids = ['0', '1'].map((column) =>
    processes.start([...command, board, column], column === '0' ? SERVER_CORE : LOAD_CORE),
  );
  return { name, port, pids };
}

interface Load {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function load(one: EdgeCase, port: number, seconds: string): Load {
  return one.isEcho ? echoLoad(one, port, seconds) : wrkLoad(one, port, seconds);
}

function echoLoad(one: EdgeCase, port: number, seconds: string): Load {
  const program = join(import.meta.dirname, 'peers/echo-load.ts');
  const output = outputOfLoad([process.execPath, program, String(port), String(one.connections), seconds]);
  const { count, p50Ms, p99Ms } = JSON.parse(output) as { count: number; p50Ms: number; p99Ms: number };
  return { count, perSecond: count / Number(seconds), p50Ms, p99Ms };
}

function wrkLoad(one: EdgeCase, port: number, seconds: string): Load {
  const script = wrkScript(one);
  const output = outputOfLoad([
    ...['wrk', '-t1', `-c${one.connections}`, `-d${seconds}s`, '--latency', '--timeout', '20s'],
    ...(script === null ? [] : ['-s', processes.file(`${one.name}.lua`, script)]),
    ...one.headers.flatMap((header) => ['-H', header]),
    `http://127.0.0.1:${port}${one.path}`,
  ]);
  // A server that ends a connection after its answer is what `fresh` asks for: wrk counts some of that as read errors.
  if (/Non-2xx/.test(output) || (/Socket errors/.test(output) && one.name !== 'fresh'))
    throw new Error(`port ${port}: ${output}`);
  return {
    count: Number(/(\d+) requests in/.exec(output)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50Ms: latencyMs(output, 50),
    p99Ms: latencyMs(output, 99),
  };
}

function latencyMs(output: string, percentile: number): number {
  const match = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s)`).exec(output);
  const scale = { us: 0.001, ms: 1, s: 1_000 }[match?.[2] ?? 'ms'] ?? 1;
  return Number(match?.[1]) * scale;
}

function measure(one: EdgeCase, runner: Runner): Round {
  const pids = runner.pids.flatMap(family);
  const before = cpuUs(pids);
  const { count, perSecond, p50Ms, p99Ms } = load(one, runner.port, values.seconds);
  return { cpuUs: (cpuUs(pids) - before) / count, perSecond, p50Ms, p99Ms, rssMb: rssMb(pids) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

type Results = ReadonlyMap<string, readonly Round[]>;

/** Of each round by itself: what disturbed one round disturbed both. */
function ratioTo(results: Results, name: string, pick: (round: Round) => number): number[] {
  const others = results.get(name) ?? [];
  return (results.get('luma') ?? []).map((round, index) => {
    const other = others[index];
    return other === undefined ? Number.NaN : pick(round) / pick(other);
  });
}

function print(one: EdgeCase, results: Results): void {
  const unit = one.isEcho ? 'message' : 'request';
  console.log(`\n${one.name}: ${one.says}; ${one.connections} connections, ${values.rounds} rounds`);
  const rows = [...results].map(([name, rounds]) => {
    const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
    const ratios = ratioTo(results, name, (r) => r.cpuUs);
    const p99 = median(ratioTo(results, name, (r) => r.p99Ms));
    const spread = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    return [
      name,
      of((r) => r.cpuUs),
      of((r) => r.perSecond).toFixed(0),
      of((r) => r.p50Ms),
      of((r) => r.p99Ms),
      of((r) => r.rssMb).toFixed(0),
      median(ratios),
      spread,
      p99,
    ];
  });
  printTable(
    [
      'server',
      `CPU us/${unit}`,
      `${unit}s/s`,
      'p50 ms',
      'p99 ms',
      'RSS MB',
      'luma/it CPU',
      'spread',
      'luma/it p99',
    ],
    rows,
  );
}

/** What is aimed at: 1.0 of nginx on plain, 1.1 elsewhere; 0.25 of Caddy and Go; p99 1.2 of nginx; two workers 1.1 of one. */
function printSummary(all: ReadonlyMap<EdgeCase, Results>): void {
  const cpu = (results: Results, name: string): number => median(ratioTo(results, name, (r) => r.cpuUs));
  const rows = [...all].map(([{ name }, results]) => [
    name,
    ...PROXY_NAMES.map((peer) => cpu(results, peer)),
    1 / cpu(results, 'luma2'),
    median(ratioTo(results, 'nginx', (r) => r.p99Ms)),
  ]);
  console.log('\nLuma beside the others: CPU ratios, medians of rounds');
  const peers = PROXY_NAMES.map((peer) => `to ${peer}`);
  printTable(['case', ...peers, '2 workers to 1', 'p99 to nginx'], rows);
}

async function startAll(
  names: readonly string[],
  firstPort: number,
  upstreamPort: number,
): Promise<Runner[]> {
  const runners = names.map((name, index) => startRunner(name, firstPort + index, upstreamPort));
  for (const { port } of runners) await untilListening(port);
  return runners;
}

async function main(): Promise<void> {
  const cases = EDGE_CASES.filter(({ name }) => values.case.split(',').includes(name));
  const names = [...values.only.split(','), ...(values.with === undefined ? [] : ['other'])];
  processes.start(upstreamCommand(), LOAD_CORE);
  await untilListening(UPSTREAM_PORT);
  const runners = await startAll(names, FIRST_PORT, UPSTREAM_PORT);
  let echoRunners: Runner[] = [];
  if (cases.some(({ isEcho }) => isEcho)) {
    const echo = join(import.meta.dirname, 'peers/echo.ts');
    processes.start([process.execPath, echo, String(ECHO_PORT)], LOAD_CORE);
    await untilListening(ECHO_PORT);
    echoRunners = await startAll(names, FIRST_ECHO_PORT, ECHO_PORT);
  }
  const all = new Map<EdgeCase, Results>();
  for (const one of cases) {
    const chosen = one.isEcho ? echoRunners : runners;
    for (const runner of chosen) load(one, runner.port, WARM_SECONDS);
    const results = new Map<string, Round[]>(chosen.map(({ name }) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const runner of chosen) results.get(runner.name)?.push(measure(one, runner));
    }
    print(one, results);
    all.set(one, results);
  }
  printSummary(all);
}

try {
  await main();
} catch (error) {
  console.error(processes.errors());
  throw error;
} finally {
  await processes.stop();
}
