/**
 * What the workers of the benches have in common: an edge without sleeps, services that are ready, and an end on SIGTERM.
 * Whoever starts one owns it.
 */
import { rmSync } from 'node:fs';
import { systemClock } from '../src/base/clock.ts';
import type { BoardColumn } from '../src/edge/board/index.ts';
import { Edge, type ServiceRoute } from '../src/edge/index.ts';
import { PLAIN_OPTIONS } from '../src/edge/routing/service-route.ts';

export function benchEdge(column: BoardColumn): Edge {
  return new Edge({
    column,
    host: {
      wake: reportSurprise,
      targetAnswered: reportSurprise,
      targetReached: reportSurprise,
      targetRefused: reportSurprise,
      slotReleased: reportSurprise,
      certificateWanted: reportSurprise,
    },
    clock: systemClock,
    onError: (error) => console.error(error),
  });
}

/** In a run without sleeps none of these is ever said. */
function reportSurprise(subject: string): void {
  console.error(`unexpected word about ${subject}`);
}

/** Its target's row is the next one. */
export function readyRoute(name: string, row: number, host: string, targetPort: number): ServiceRoute {
  const readiness = { kind: 'connect', path: null, timeoutMs: 1_000 } as const;
  return {
    name,
    row,
    hosts: [host],
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
    targets: [{ id: 'only', row: row + 1, host: '127.0.0.1', port: targetPort, state: 'ready', readiness }],
  };
}

export function endOnSigterm(edge: Edge, folder: string): void {
  process.on('SIGTERM', () => {
    edge.close();
    rmSync(folder, { recursive: true });
    process.exit(0);
  });
}
