/**
 * What all workers have counted since this daemon began, added up as they say it. Owned by the daemon; a service that is
 * gone takes its sums along, so there are never more of them than services.
 */
import { COUNT_NAMES_PER_SERVICE_MAX } from '../limits.ts';
import type { WorkerCounts } from '../workers/counts-beat.ts';

export type Sums = ReadonlyMap<string, number>;

export class TrafficTotals {
  /** By service; empty: requests that belong to none, and the workers themselves. */
  readonly #services = new Map<string, Map<string, number>>();
  /** By the worker's column. */
  readonly #clients = new Map<number, number>();
  readonly #isKnown: (service: string) => boolean;

  constructor(isKnown: (service: string) => boolean) {
    this.#isKnown = isKnown;
  }

  add(column: number, { clients, services }: WorkerCounts): void {
    this.#clients.set(column, clients);
    for (const { service, counts } of services) {
      if (service !== '' && !this.#isKnown(service)) continue;
      const sums = this.#sumsOf(service);
      for (const [name, by] of Object.entries(counts)) {
        if (sums.has(name) || sums.size < COUNT_NAMES_PER_SERVICE_MAX)
          sums.set(name, (sums.get(name) ?? 0) + by);
      }
    }
  }

  /** Its connections are gone with it; what it counted stays counted. */
  workerGone(column: number): void {
    this.#clients.delete(column);
  }

  get clients(): number {
    let sum = 0;
    for (const clients of this.#clients.values()) sum += clients;
    return sum;
  }

  /** Of the services that there are, and of none. */
  *entries(): Generator<readonly [string, Sums]> {
    for (const [service, sums] of this.#services) {
      if (service === '' || this.#isKnown(service)) yield [service, sums];
      else this.#services.delete(service);
    }
  }

  sum(service: string, name: string): number {
    return this.#services.get(service)?.get(name) ?? 0;
  }

  #sumsOf(service: string): Map<string, number> {
    const known = this.#services.get(service);
    if (known) return known;
    const sums = new Map<string, number>();
    this.#services.set(service, sums);
    return sums;
  }
}
