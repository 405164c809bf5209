/** Services to and from what outlives the daemon: the state file, and the table of workers that outlived it. */
import type { Board, RowAllocator } from '../../edge/board/index.ts';
import type { ServiceSpec } from '../client/contract.ts';
import type { GateStep, GateTarget } from '../gates/index.ts';
import { gateReport, newGate, restoredGate } from '../gates/index.ts';
import type { SavedService, SavedState } from '../state/index.ts';
import type { CrewTable } from '../workers/crew.ts';
import type { OwnedRoute } from '../workers/worker-protocol.ts';
import type { ServiceEntry, TargetEntry } from './service-entry.ts';

export interface Restored {
  readonly entry: ServiceEntry;
  /** To be carried out before anybody else looks at the gate. */
  readonly step: GateStep;
}

export function savedFrom(entry: ServiceEntry): SavedService {
  const targets = entry.gate.targets.map(({ id }) => entry.targets.get(id)!.spec);
  const ready = entry.gate.targets.filter(({ state }) => state === 'ready');
  const spec = { ...entry.spec, targets };
  return { owner: entry.owner, spec, gate: gateReport(entry.gate), readyTargets: ready.map(({ id }) => id) };
}

/** From the state file. Before the first table every worker will be sent: generation 1. */
export function fromState(saved: SavedState | null, bootId: string, rows: RowAllocator): Restored[] {
  const isSameBoot = saved?.bootId === bootId;
  return (saved?.services ?? []).map((service) => fromSaved(service, rows, 1, isSameBoot));
}

/** From the table of workers that still serve by it: it is newer than the file. */
export function fromTable(table: CrewTable, board: Board, rows: RowAllocator): Restored[] {
  return table.services.map((route) => fromRoute(route, board, rows, table.generation));
}

/** After a reboot no target is where it was: the service begins asleep, and its owner's snapshot says the rest. */
function fromSaved(
  saved: SavedService,
  rows: RowAllocator,
  generation: number,
  isSameBoot: boolean,
): Restored {
  const spec: ServiceSpec = isSameBoot ? saved.spec : { ...saved.spec, targets: [] };
  const targets = new Map(spec.targets.map((target) => [target.id, { spec: target, row: rows.take() }]));
  const gateTargets = spec.targets.map(
    ({ id }): GateTarget => ({ id, state: saved.readyTargets.includes(id) ? 'ready' : 'starting' }),
  );
  const step = restoredGate({ targets: gateTargets, wasOpen: saved.gate === 'open', generation });
  return { entry: newEntry(saved.owner, spec, rows.take(), targets), step };
}

/** On the board that the workers still count on: rows and gates stay as they are. */
function fromRoute(route: OwnedRoute, board: Board, rows: RowAllocator, generation: number): Restored {
  rows.adopt(route.row);
  const targets = new Map<string, TargetEntry>();
  for (const { id, row, host, port, readiness } of route.targets) {
    rows.adopt(row);
    targets.set(id, { spec: { id, host, port, readiness }, row });
  }
  const gateTargets = route.targets.map(({ id, state }): GateTarget => ({ id, state }));
  const step = restoredGate({ targets: gateTargets, wasOpen: board.gate(route.row) !== 0, generation });
  return { entry: newEntry(route.owner, specOf(route), route.row, targets), step };
}

function specOf(route: OwnedRoute): ServiceSpec {
  const { row: _row, owner: _owner, targets, ...settings } = route;
  return {
    ...settings,
    targets: targets.map(({ id, host, port, readiness }) => ({ id, host, port, readiness })),
  };
}

function newEntry(
  owner: string,
  spec: ServiceSpec,
  row: number,
  targets: Map<string, TargetEntry>,
): ServiceEntry {
  return { owner, spec, row, gate: newGate, targets, openedAtMs: null };
}
