/**
 * One edge worker for bench/edge.ts: a service on every host, open, with one target. Prints its port, ends on SIGTERM.
 *   bun bench/edge-worker.ts PORT UPSTREAM_PORT [BOARD COLUMN]   with a board: one of two workers on that port
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { Board } from '../src/edge/board/index.ts';
import { Edge, type ServiceRoute } from '../src/edge/index.ts';
import { PLAIN_OPTIONS } from '../src/edge/routing/service-route.ts';

const port = Number(process.argv[2]);
const upstreamPort = Number(process.argv[3]);
const HOSTS = 1_000;

const folder = mkdtempSync(join(tmpdir(), 'luma-bench-'));
const [boardPath = join(folder, 'board'), column = '0'] = process.argv.slice(4);
const board =
  column === '0' ? Board.create(boardPath, { rows: HOSTS * 2 + 2, columns: 2 }) : await joined(boardPath);
const edge = new Edge({
  column: board.column(Number(column)),
  host: {
    wake: reportSurprise,
    targetAnswered: reportSurprise,
    targetRefused: reportSurprise,
    slotReleased: reportSurprise,
    certificateWanted: reportSurprise,
  },
  clock: systemClock,
  onError: (error) => console.error(error),
});

async function joined(path: string): Promise<Board> {
  while (!existsSync(path)) await Bun.sleep(10);
  return Board.open(path);
}

/** In a run without sleeps none of these is ever said. */
function reportSurprise(service: string): void {
  console.error(`unexpected word about ${service}`);
}

function routeOf(index: number): ServiceRoute {
  const readiness = { kind: 'connect', path: null, timeoutMs: 1_000 } as const;
  const row = 2 + index * 2;
  return {
    name: `service-${index}`,
    row,
    hosts: index === 0 ? ['127.0.0.1'] : [`service-${index}.test`],
    pathPrefixes: ['/'],
    stripPathPrefix: false,
    traffic: 'forward',
    holdTimeoutMs: 1_000,
    responseTimeoutMs: 60_000,
    targetConcurrency: 0,
    waitMode: 'hold',
    quietRules: [],
    quietAfterMs: null,
    ...PLAIN_OPTIONS,
    targets: [{ id: 'only', row: row + 1, host: '127.0.0.1', port: upstreamPort, state: 'ready', readiness }],
  };
}

const routes = Array.from({ length: HOSTS }, (_, index) => routeOf(index));
edge.apply({ generation: 1, put: routes, remove: [] });
for (const route of routes) {
  board.openGate(route.row, 1);
  board.openGate(route.row + 1, 1);
}
console.log(edge.listen({ hostname: '127.0.0.1', port, reusePort: process.argv[4] !== undefined }).port);
process.on('SIGTERM', () => {
  edge.close();
  rmSync(folder, { recursive: true });
  process.exit(0);
});
