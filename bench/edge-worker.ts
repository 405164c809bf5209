/**
 * One edge worker for bench/edge.ts: a service on every host, open, with one target. Prints its port, ends on SIGTERM.
 *   bun bench/edge-worker.ts PORT UPSTREAM_PORT [BOARD COLUMN]   with a board: one of two workers on that port
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Board } from '../src/edge/board/index.ts';
import { benchEdge, endOnSigterm, readyRoute } from './worker-edge.ts';

const port = Number(process.argv[2]);
const upstreamPort = Number(process.argv[3]);
const HOSTS = 1_000;

const folder = mkdtempSync(join(tmpdir(), 'luma-bench-'));
const [boardPath = join(folder, 'board'), column = '0'] = process.argv.slice(4);
const board =
  column === '0' ? Board.create(boardPath, { rows: HOSTS * 2 + 2, columns: 2 }) : await joined(boardPath);
const edge = benchEdge(board.column(Number(column)));

async function joined(path: string): Promise<Board> {
  while (!existsSync(path)) await Bun.sleep(10);
  return Board.open(path);
}

const routes = Array.from({ length: HOSTS }, (_, index) => {
  const host = index === 0 ? '127.0.0.1' : `service-${index}.test`;
  return readyRoute(`service-${index}`, 2 + index * 2, host, upstreamPort);
});
edge.apply({ generation: 1, put: routes, remove: [] });
for (const route of routes) {
  board.openGate(route.row, 1);
  board.openGate(route.row + 1, 1);
}
console.log(edge.listen({ hostname: '127.0.0.1', port, reusePort: process.argv[4] !== undefined }).port);
endOnSigterm(edge, folder);
