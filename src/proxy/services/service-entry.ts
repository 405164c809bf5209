/** One service as the daemon knows it. Written by the registry and the gate runner alone. */
import type { WakeCause } from '../../edge/index.ts';
import type { TargetRoute } from '../../edge/routing/service-route.ts';
import type { ServiceSpec, TargetSpec } from '../client/contract.ts';
import type { Gate } from '../gates/index.ts';
import type { OwnedRoute } from '../workers/worker-protocol.ts';
import type { Deployment } from './deployment.ts';

export interface TargetEntry {
  spec: TargetSpec;
  readonly row: number;
  /** The first route table that has it in this life: what a worker says by an older one is about an earlier life. */
  readonly generation: number;
}

export interface ServiceEntry {
  readonly owner: string;
  /** As published last. Its targets may lack those that a snapshot left in force. */
  spec: ServiceSpec;
  /** What client commands made of it; null for a control plane's. */
  deployment: Deployment | null;
  readonly row: number;
  gate: Gate;
  /** Exactly those of the gate. */
  readonly targets: Map<string, TargetEntry>;
  /** By the machine's clock; null while it has never opened. */
  openedAtMs: number | null;
  /** Of the request that asked for an instance last. */
  wakeCause: WakeCause | null;
}

export function routeOf(entry: ServiceEntry): OwnedRoute {
  const { spec, deployment } = entry;
  const { traffic: operator } = deployment ?? {};
  return {
    ...spec,
    owner: entry.owner,
    deployment,
    row: entry.row,
    traffic: operator?.kind ?? spec.traffic,
    ...(operator?.kind === 'stopped' && operator.message !== '' ? { stopMessage: operator.message } : {}),
    targets: entry.gate.targets.map(({ id }) => targetRouteOf(entry, id)),
  };
}

/** Whatever its gate says, nobody may pass: an operator's word. */
export function isShutByOperator({ deployment }: Pick<ServiceEntry, 'deployment'>): boolean {
  return deployment !== null && deployment.traffic.kind !== 'forward';
}

export function targetRouteOf(entry: ServiceEntry, id: string): TargetRoute {
  const { spec, row } = entry.targets.get(id)!;
  const state = entry.gate.targets.find((target) => target.id === id)!.state;
  return { id, row, host: spec.host, port: spec.port, state, readiness: spec.readiness };
}

/** Everything but the targets: what the gate does not look at. */
export function hasSameSettings(a: ServiceSpec, b: ServiceSpec): boolean {
  return settingsText(a) === settingsText(b);
}

function hasSameTarget(a: TargetSpec, b: TargetSpec): boolean {
  return (
    JSON.stringify([a.host, a.port, readinessParts(a)]) ===
    JSON.stringify([b.host, b.port, readinessParts(b)])
  );
}

/** A target that it has is elsewhere now, or asked otherwise. */
export function hasMovedTarget(entry: ServiceEntry, spec: ServiceSpec): boolean {
  return spec.targets.some((target) => {
    const known = entry.targets.get(target.id);
    return known !== undefined && !hasSameTarget(known.spec, target);
  });
}

function readinessParts({ readiness }: TargetSpec): unknown[] {
  const { kind, path, timeoutMs, port, headers, periodMs } = readiness;
  return [kind, path, timeoutMs, port, headers && Object.entries(headers).sort(), periodMs];
}

function settingsText({ name: _name, targets: _targets, ...settings }: ServiceSpec): string {
  return JSON.stringify(settings, inKeyOrder);
}

/** The same was said, whoever wrote it down in which order. */
function inKeyOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
