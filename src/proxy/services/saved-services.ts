/** Services to and from what outlives the daemon: the state file, and the table of workers that outlived it. */
import type { Board, RowAllocator } from '../../edge/board/index.ts';
import type { ServiceSpec } from '../client/contract.ts';
import type { GateStep, GateTarget } from '../gates/index.ts';
import { gateReport, newGate, restoredGate } from '../gates/index.ts';
import type { SavedService, SavedState } from '../state/index.ts';
import type { CrewTable } from '../workers/crew.ts';
import type { OwnedRoute } from '../workers/worker-protocol.ts';
import type { Deployment } from './deployment.ts';
import { specOfDeployment } from './deployment.ts';
import type { ServiceEntry, TargetEntry } from './service-entry.ts';

export interface Restored {
  readonly entry: ServiceEntry;
  /** To be carried out before anybody else looks at the gate. */
  readonly step: GateStep;
}

export function savedFrom(entry: ServiceEntry): SavedService {
  const { owner, deployment } = entry;
  const targets = entry.gate.targets.map(({ id }) => entry.targets.get(id)!.spec);
  const ready = entry.gate.targets.filter(({ state }) => state === 'ready');
  const spec = { ...entry.spec, targets };
  return { owner, spec, deployment, gate: gateReport(entry.gate), readyTargets: ready.map(({ id }) => id) };
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

/**
 * After a reboot no target is where it was: the service begins asleep, and its owner's snapshot says the rest. Those of
 * a deployment are where the person who named them put them, and are asked before anything is sent there.
 */
function fromSaved(
  saved: SavedService,
  rows: RowAllocator,
  generation: number,
  isSameBoot: boolean,
): Restored {
  const { deployment } = saved;
  const known = deployment ? specOfDeployment(saved.spec.name, deployment) : saved.spec;
  const spec: ServiceSpec = isSameBoot || deployment ? known : { ...known, targets: [] };
  const targets = new Map(
    spec.targets.map((target) => [target.id, { spec: target, row: rows.take(), generation }]),
  );
  const ready = isSameBoot ? saved.readyTargets : [];
  const gateTargets = spec.targets.map(
    ({ id }): GateTarget => ({ id, state: ready.includes(id) ? 'ready' : 'starting' }),
  );
  const wasOpen = mustOpen(deployment) || saved.gate === 'open';
  const step = restoredGate({ targets: gateTargets, wasOpen, generation });
  return { entry: newEntry({ owner: saved.owner, spec, deployment, row: rows.take(), targets }), step };
}

/** On the board that the workers still count on: rows and gates stay as they are. */
function fromRoute(route: OwnedRoute, board: Board, rows: RowAllocator, generation: number): Restored {
  rows.adopt(route.row);
  const { owner, deployment, row: serviceRow } = route;
  const targets = new Map<string, TargetEntry>();
  for (const { id, row, host, port, readiness } of route.targets) {
    rows.adopt(row);
    targets.set(id, { spec: { id, host, port, readiness }, row, generation });
  }
  const gateTargets = route.targets.map(({ id, state }): GateTarget => ({ id, state }));
  // The cell is newer than any file: what was signalled a moment ago stays closed.
  const wasOpen = mustOpen(deployment) || board.gate(serviceRow) !== 0;
  const step = restoredGate({ targets: gateTargets, wasOpen, generation });
  return { entry: newEntry({ owner, spec: specOf(route), deployment, row: serviceRow, targets }), step };
}

/** Nobody puts a deployment to sleep: its gate is closed by an operator, who is asked apart, or for want of a target. */
function mustOpen(deployment: Deployment | null): boolean {
  return deployment !== null;
}

function specOf(route: OwnedRoute): ServiceSpec {
  if (route.deployment) return specOfDeployment(route.name, route.deployment);
  const { row: _row, owner: _owner, deployment: _deployment, stopMessage: _message, ...settings } = route;
  return {
    ...settings,
    traffic: route.traffic === 'stopped' ? 'stopped' : 'forward',
    targets: route.targets.map(({ id, host, port, readiness }) => ({ id, host, port, readiness })),
  };
}

function newEntry(parts: Omit<ServiceEntry, 'gate' | 'openedAtMs' | 'wakeCause'>): ServiceEntry {
  return { ...parts, gate: newGate, openedAtMs: null, wakeCause: null };
}
