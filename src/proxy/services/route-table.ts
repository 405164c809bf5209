/**
 * The daemon's route table and what is on its way to the workers. Within one turn, changes gather under one
 * generation; `flush` sends them first and then what depends on them, so no worker is told of a gate before its table.
 */
import type { ExpectedTarget } from '../client/contract.ts';
import type { CrewTable } from '../workers/crew.ts';
import type { HoldFailure, OwnedRoute, ToWorker } from '../workers/worker-protocol.ts';

export class RouteTable {
  readonly #services = new Map<string, OwnedRoute>();
  readonly #tell: (message: ToWorker) => void;
  #generation: number;
  #put = new Map<string, OwnedRoute>();
  #remove = new Set<string>();
  #after: ToWorker[] = [];

  constructor(generation: number, tell: (message: ToWorker) => void) {
    this.#generation = generation;
    this.#tell = tell;
  }

  /** Of what the workers have been sent. */
  get generation(): number {
    return this.#generation;
  }

  /** Of the change that gathers now. */
  get nextGeneration(): number {
    return this.#generation + 1;
  }

  current(): CrewTable {
    return { generation: this.#generation, services: [...this.#services.values()] };
  }

  put(route: OwnedRoute): void {
    this.#services.set(route.name, route);
    this.#remove.delete(route.name);
    this.#put.set(route.name, route);
  }

  remove(name: string): void {
    this.#services.delete(name);
    this.#put.delete(name);
    this.#remove.add(name);
  }

  opened(service: string): void {
    this.#after.push({ type: 'opened', service });
  }

  expect(service: string, target: ExpectedTarget): void {
    this.#after.push({ type: 'expect', service, target });
  }

  closed(service: string): void {
    this.#after.push({ type: 'closed', service });
  }

  refuse(service: string, failure: HoldFailure): void {
    this.#after.push({ type: 'refuse', service, failure });
  }

  flush(): void {
    if (this.#put.size > 0 || this.#remove.size > 0) {
      this.#generation += 1;
      const change = {
        generation: this.#generation,
        put: [...this.#put.values()],
        remove: [...this.#remove],
      };
      this.#put = new Map();
      this.#remove = new Set();
      this.#tell({ type: 'change', change });
    }
    const after = this.#after;
    if (after.length === 0) return;
    this.#after = [];
    for (const message of after) this.#tell(message);
  }
}
