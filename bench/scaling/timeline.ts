/** What a run looked like from second to second, and from when on it was steady. */
import { percentile, printTable } from '../statistics.ts';
import type { Exchange } from './kept-client.ts';

export interface Sample {
  readonly atMs: number;
  /** Of the project, by their states. */
  readonly preparing: number;
  readonly starting: number;
  readonly running: number;
}

export interface Second {
  readonly at: number;
  readonly ended: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

export function isLost({ status, failure }: Exchange): boolean {
  return failure !== null || status !== 200;
}

/** By the second in which they ended. */
export function secondsOf(exchanges: readonly Exchange[]): readonly Second[] {
  const bySecond = new Map<number, Exchange[]>();
  for (const exchange of exchanges) {
    const at = Math.floor((exchange.beganMs + exchange.tookMs) / 1_000);
    const known = bySecond.get(at);
    if (known) known.push(exchange);
    else bySecond.set(at, [exchange]);
  }
  return [...bySecond]
    .sort(([a], [b]) => a - b)
    .map(([at, ended]) => ({
      at,
      ended: ended.length,
      p50: percentile(
        ended.map(({ tookMs }) => tookMs),
        0.5,
      ),
      p99: percentile(
        ended.map(({ tookMs }) => tookMs),
        0.99,
      ),
      failed: ended.filter(isLost).length,
    }));
}

/** The second from which on no p99 was over the limit; null where the last one was. */
export function steadyFrom(seconds: readonly Second[], limitMs: number): number | null {
  const late = seconds.findLastIndex(({ p99 }) => p99 > limitMs);
  return seconds[late + 1]?.at ?? null;
}

export function printTimeline(seconds: readonly Second[], samples: readonly Sample[]): void {
  const rows = seconds.map(({ at, ended, p50, p99, failed }) => {
    const sample = samples.findLast(({ atMs }) => atMs < (at + 1) * 1_000);
    const counts = [sample?.preparing ?? 0, sample?.starting ?? 0, sample?.running ?? 0].map(String);
    return [String(at), ...counts, String(ended), p50, p99, String(failed)];
  });
  printTable(['second', 'preparing', 'starting', 'running', 'ended', 'p50 ms', 'p99 ms', 'lost'], rows);
}
