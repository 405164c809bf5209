/**
 * One edge worker for bench/tls.ts: TLS on PORT, one service on every host, with the certificates that a folder holds:
 * `default.pem`, and `N.pem` for `N.bench.test`. Prints how long it took to begin, ends on SIGTERM.
 *   bun bench/tls-worker.ts PORT UPSTREAM_PORT FOLDER COUNT
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Board } from '../src/edge/board/index.ts';
import type { EdgeCertificate } from '../src/edge/index.ts';
import { benchEdge, endOnSigterm, readyRoute } from './worker-edge.ts';

const [port = 0, upstreamPort = 0] = process.argv.slice(2, 4).map(Number);
const [certificates = '', count = '0'] = process.argv.slice(4);

const folder = mkdtempSync(join(tmpdir(), 'luma-bench-'));
const board = Board.create(join(folder, 'board'), { rows: 8, columns: 1 });
const edge = benchEdge(board.column(0));

function certificateOf(name: string, id: string): EdgeCertificate {
  return { id, names: [name], file: join(certificates, `${id}.pem`), notBefore: 0, notAfter: 0 };
}

edge.apply({ generation: 1, put: [readyRoute('all', 1, '', upstreamPort)], remove: [] });
board.openGate(1, 1);
board.openGate(2, 1);
const beganAtMs = performance.now();
const put = Array.from({ length: Number(count) }, (_, index) =>
  certificateOf(`${index}.bench.test`, String(index)),
);
edge.applyCertificates({ put: [certificateOf('', 'default'), ...put], remove: [] });
edge.listenTls({ hostname: '127.0.0.1', port });
console.log((performance.now() - beganAtMs).toFixed(1));
endOnSigterm(edge, folder);
