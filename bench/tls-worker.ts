/**
 * One edge worker for bench/tls.ts: TLS on PORT, one service on every host, with the certificates that a folder holds:
 * `default.pem`, and `N.pem` for `N.bench.test`. Prints how long it took to begin, ends on SIGTERM.
 *   bun bench/tls-worker.ts PORT UPSTREAM_PORT FOLDER COUNT
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { Board } from '../src/edge/board/index.ts';
import { Edge, type EdgeCertificate } from '../src/edge/index.ts';
import { PLAIN_OPTIONS, type ServiceRoute } from '../src/edge/routing/service-route.ts';

const [port = 0, upstreamPort = 0] = process.argv.slice(2, 4).map(Number);
const [certificates = '', count = '0'] = process.argv.slice(4);

const folder = mkdtempSync(join(tmpdir(), 'luma-bench-'));
const board = Board.create(join(folder, 'board'), { rows: 8, columns: 1 });
const edge = new Edge({
  column: board.column(0),
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

function reportSurprise(subject: string): void {
  console.error(`unexpected word about ${subject}`);
}

function certificateOf(name: string, id: string): EdgeCertificate {
  return { id, names: [name], file: join(certificates, `${id}.pem`), notBefore: 0, notAfter: 0 };
}

const readiness = { kind: 'connect', path: null, timeoutMs: 1_000 } as const;
const route: ServiceRoute = {
  name: 'all',
  row: 1,
  hosts: [''],
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
  targets: [{ id: 'only', row: 2, host: '127.0.0.1', port: upstreamPort, state: 'ready', readiness }],
};
edge.apply({ generation: 1, put: [route], remove: [] });
board.openGate(1, 1);
board.openGate(2, 1);
const beganAtMs = performance.now();
const put = Array.from({ length: Number(count) }, (_, index) =>
  certificateOf(`${index}.bench.test`, String(index)),
);
edge.applyCertificates({ put: [certificateOf('', 'default'), ...put], remove: [] });
edge.listenTls({ hostname: '127.0.0.1', port });
console.log((performance.now() - beganAtMs).toFixed(1));
process.on('SIGTERM', () => {
  edge.close();
  rmSync(folder, { recursive: true });
  process.exit(0);
});
