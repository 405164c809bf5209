/**
 * The services of the daemon: their registry, the route table that workers are told of them, and their rows on the board.
 * Owns all three; what they begin with is said once, by `restore`.
 */
import type { Board } from '../edge/board/index.ts';
import { machineNowMs, RowAllocator } from '../edge/board/index.ts';
import { probeTarget } from '../edge/contract.ts';
import { bootId } from './boot-id.ts';
import type { ServiceStatus } from './client/status-schema.ts';
import { unknownService } from './services/refusals.ts';
import { Registry, type RegistryOptions } from './services/registry.ts';
import { RouteTable } from './services/route-table.ts';
import { fromState, fromTable, savedFrom } from './services/saved-services.ts';
import type { ServiceEntry } from './services/service-entry.ts';
import { statusOfService } from './services/service-report.ts';
import type { SavedService, SavedState } from './state/index.ts';
import type { Inheritance } from './workers/orphans.ts';
import type { ToWorker } from './workers/worker-protocol.ts';

export interface DaemonServicesParts
  extends Pick<
    RegistryOptions,
    'board' | 'clock' | 'ownListeners' | 'linkState' | 'tellOwner' | 'onChanged'
  > {
  readonly tellWorkers: (message: ToWorker) => void;
  /** Of the table that the workers have already; 0: there are none. */
  readonly generation: number;
}

export class DaemonServices {
  readonly rows: RowAllocator;
  readonly table: RouteTable;
  readonly registry: Registry;
  readonly #board: Board;

  constructor({ tellWorkers, generation, ...parts }: DaemonServicesParts) {
    this.#board = parts.board;
    this.rows = new RowAllocator(parts.board);
    this.table = new RouteTable(generation, tellWorkers);
    const { rows, table } = this;
    this.registry = new Registry({ ...parts, rows, table, nowMs: machineNowMs, probe: probeTarget });
  }

  /** The table of workers that still serve by it is newer than the file. */
  restore(saved: SavedState | null, inherited: Inheritance | null): void {
    const { rows, table, registry } = this;
    const restored = inherited
      ? fromTable(inherited.table, this.#board, rows)
      : fromState(saved, bootId(), rows);
    if (inherited) registry.drains.inherit(rows.adoptCounted(), table.generation);
    for (const service of restored) registry.restore(service);
    table.flush();
  }

  /** What a restart must know. */
  get saved(): SavedService[] {
    return this.registry.entries.map(savedFrom);
  }

  get statuses(): ServiceStatus[] {
    return this.registry.entries.map((entry) => this.statusOf(entry));
  }

  /** Throws `service_not_found`. */
  status(name: string): ServiceStatus {
    const entry = this.registry.find(name);
    if (entry) return this.statusOf(entry);
    throw unknownService(name);
  }

  statusOf(entry: ServiceEntry): ServiceStatus {
    return statusOfService(entry, this.registry, this.#board, machineNowMs());
  }

  /** What each of them has to do now. */
  get activity(): { readonly name: string; readonly inFlight: number; readonly held: number }[] {
    const { entries, runner } = this.registry;
    return entries.map((entry) => {
      const { inFlight, held } = runner.activity(entry);
      return { name: entry.spec.name, inFlight, held };
    });
  }
}
