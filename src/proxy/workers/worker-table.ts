/** A worker's copy of the route table with its owners. Written by the daemon's messages alone; handed on when it dies. */
import type { RouteChange } from '../../edge/routing/service-route.ts';
import type { OwnedChange, OwnedRoute } from './worker-protocol.ts';

export class WorkerTable {
  #services = new Map<string, OwnedRoute>();
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  get services(): readonly OwnedRoute[] {
    return [...this.#services.values()];
  }

  change(change: OwnedChange): RouteChange {
    for (const name of change.remove) this.#services.delete(name);
    for (const service of change.put) this.#services.set(service.name, service);
    this.#generation = change.generation;
    return change;
  }

  /** The change that leads from what is here to exactly this. */
  replace(generation: number, services: readonly OwnedRoute[]): RouteChange {
    const next = new Map(services.map((service) => [service.name, service]));
    const remove = [...this.#services.keys()].filter((name) => !next.has(name));
    this.#services = next;
    this.#generation = generation;
    return { generation, put: services, remove };
  }
}
