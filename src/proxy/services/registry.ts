/**
 * The services: who owns them, their hosts, rows and gates. Every change goes through here, each in one turn.
 * Owned by the daemon; workers get copies of its table, owners hear what they must know.
 */

import type { Clock, Timer } from '../../base/clock.ts';
import type { Board, RowAllocator } from '../../edge/board/index.ts';
import type { WakeCause } from '../../edge/index.ts';
import type {
  ExpectedTarget,
  FenceResult,
  HostConflict,
  ServiceReport,
  ServiceSpec,
} from '../client/contract.ts';
import type { Gate, WakeFailure } from '../gates/index.ts';
import { gateReport, newGate } from '../gates/index.ts';
import { ACTIVITY_PERIOD_MS } from '../limits.ts';
import type { ToControl } from '../link/messages.ts';
import { ActivityWatch } from './activity-watch.ts';
import type { Deployment } from './deployment.ts';
import { specOfDeployment } from './deployment.ts';
import { DrainWatch } from './drain-watch.ts';
import { ExpectedTargets } from './expected-targets.ts';
import { GateRunner } from './gate-runner.ts';
import type { OwnListener } from './own-listeners.ts';
import { CLIENT_OWNER, notOwned } from './refusals.ts';
import type { RouteTable } from './route-table.ts';
import type { Restored } from './saved-services.ts';
import { ServiceClaims } from './service-claims.ts';
import type { ServiceEntry } from './service-entry.ts';
import { hasMovedTarget, hasSameSettings, routeOf, targetRouteOf } from './service-entry.ts';
import type { Probe } from './target-prober.ts';
import { TargetProber } from './target-prober.ts';
import { takeTargetRows } from './target-rows.ts';

export interface RegistryOptions {
  readonly board: Board;
  readonly rows: RowAllocator;
  readonly table: RouteTable;
  readonly clock: Clock;
  /** The machine's clock, in which the board's stamps are written. */
  readonly nowMs: () => number;
  readonly probe: Probe;
  readonly ownListeners: () => readonly OwnListener[];
  readonly linkState: (owner: string) => Gate['link'];
  readonly tellOwner: (owner: string, message: ToControl) => void;
  /** Something that a restart must know has changed. */
  readonly onChanged: () => void;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, ServiceEntry>();
  readonly #claims: ServiceClaims;
  readonly #drains: DrainWatch;
  readonly #runner: GateRunner;
  readonly #activity: ActivityWatch;
  readonly #prober: TargetProber;
  readonly #expected: ExpectedTargets;
  #tick: Timer | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { board, rows, table, clock, nowMs, tellOwner, probe } = options;
    this.#claims = new ServiceClaims(this.#entries, options.ownListeners);
    this.#drains = new DrainWatch(board, rows, clock, nowMs);
    this.#runner = new GateRunner({ board, rows, table, drains: this.#drains, nowMs, tellOwner });
    this.#activity = new ActivityWatch(this.#runner, board);
    this.#expected = new ExpectedTargets(clock);
    // The prober stops asking when a life ends, so what it hears is about the present one.
    this.#prober = new TargetProber(probe, clock, (service, targetId) =>
      this.answered(service, targetId, table.nextGeneration),
    );
  }

  get entries(): readonly ServiceEntry[] {
    return [...this.#entries.values()];
  }

  get runner(): GateRunner {
    return this.#runner;
  }

  get drains(): DrainWatch {
    return this.#drains;
  }

  find(name: string): ServiceEntry | undefined {
    return this.#entries.get(name);
  }

  /** Begins to look at the board. */
  open(): void {
    this.#tick = this.#options.clock.after(ACTIVITY_PERIOD_MS, () => {
      this.open();
      this.#look();
    });
  }

  close(): void {
    this.#tick?.cancel();
    this.#prober.close();
    this.#expected.close();
    this.#drains.close();
  }

  /** A service found at start-up, with the gate it is to have. */
  restore({ entry, step }: Restored): void {
    this.#entries.set(entry.spec.name, entry);
    this.#claims.claim(entry.spec);
    this.#runner.carryOut(entry, step);
    this.#runner.obeyOperator(entry);
    this.#options.table.put(routeOf(entry));
    this.#follow(entry);
  }

  // ---- what owners ask

  publish(owner: string, spec: ServiceSpec): void {
    this.#claims.check(owner, spec);
    this.#put(owner, spec, false);
    this.#finish();
  }

  /** What client commands want of a service, whole; its targets are known to answer. In force when this returns. */
  deploy(name: string, deployment: Deployment): void {
    const spec = specOfDeployment(name, deployment);
    this.#claims.check(CLIENT_OWNER, spec);
    this.#put(CLIENT_OWNER, spec, false, deployment);
    this.#finish();
  }

  /** Throws what `deploy` would, and does nothing. */
  checkDeployment(name: string, deployment: Deployment): void {
    this.#claims.check(CLIENT_OWNER, specOfDeployment(name, deployment));
  }

  remove(owner: string, name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    this.#claims.checkOwner(owner, entry);
    this.#remove(entry);
    this.#finish();
  }

  /** The whole of what an owner wants: one change of the table, however many services it concerns. */
  snapshot(owner: string, specs: readonly ServiceSpec[]): HostConflict[] {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const entry of this.#of(owner)) {
      const spec = wanted.get(entry.spec.name);
      const left = entry.spec.hosts.filter((host) => !spec?.hosts.includes(host));
      if (!spec) this.#remove(entry);
      else this.#claims.release({ name: spec.name, hosts: left });
    }
    const conflicts: HostConflict[] = [];
    for (const spec of wanted.values()) {
      const conflict = this.#tryPut(owner, spec);
      if (conflict) conflicts.push(conflict);
    }
    this.#finish();
    return conflicts;
  }

  fence(owner: string, name: string, ends: number): FenceResult {
    const entry = this.#owned(owner, name);
    const result = this.#runner.fence(entry, ends);
    // It stands in the refusal: a quiet exchange that ends now changes nothing but back to what was told before.
    if (result.kind === 'refused') this.#activity.told(entry, result.activity);
    this.#finish();
    return result;
  }

  signalled(owner: string, name: string, token: string): 'accepted' | 'stale' {
    const entry = this.#entries.get(name);
    if (entry?.owner !== owner) return 'stale';
    const result = this.#runner.signalled(entry, token);
    this.#finish();
    return result;
  }

  liftFence(owner: string, name: string, token: string): void {
    const entry = this.#entries.get(name);
    if (entry?.owner !== owner) return;
    this.#runner.step(entry, { kind: 'lift', token });
    this.#finish();
  }

  wakeFailed(owner: string, name: string, failure: WakeFailure): void {
    this.#runner.step(this.#owned(owner, name), { kind: 'wake-failed', failure });
    this.#finish();
  }

  /** Workers that hold requests connect to it; true when one of them has. */
  expect(owner: string, name: string, target: ExpectedTarget): Promise<boolean> {
    if (this.#runner.activity(this.#owned(owner, name)).held === 0) return Promise.resolve(false);
    const isReached = this.#expected.expect(name, target.id);
    this.#options.table.expect(name, target);
    this.#options.table.flush();
    return isReached;
  }

  drained(owner: string, name: string, targetId: string, timeoutMs: number): Promise<boolean> {
    const isCurrent = (): boolean => {
      const entry = this.#entries.get(name);
      return entry?.owner === owner && entry.targets.has(targetId);
    };
    return this.#drains.drained(name, targetId, timeoutMs, isCurrent);
  }

  // ---- what becomes of an owner's link

  linkMade(owner: string): ServiceReport[] {
    for (const entry of this.#of(owner)) this.#runner.step(entry, { kind: 'link-made' });
    this.#finish();
    return this.#of(owner).map((entry) => this.#report(entry));
  }

  linkReady(owner: string): void {
    for (const entry of this.#of(owner)) this.#runner.step(entry, { kind: 'link-ready' });
    this.#finish();
  }

  linkLost(owner: string): void {
    for (const entry of this.#of(owner)) this.#runner.step(entry, { kind: 'link-lost' });
    this.#finish();
  }

  // ---- what workers say

  wake(name: string, cause: WakeCause | null = null): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    if (cause) entry.wakeCause = cause;
    this.#runner.step(entry, { kind: 'wake' });
    this.#activity.watch(entry);
    this.#options.table.flush();
  }

  /** `byGeneration`: of the route table by which the target was asked. An id may have had an earlier life. */
  answered(name: string, targetId: string, byGeneration: number): void {
    const entry = this.#entries.get(name);
    if (!entry || byGeneration < (entry.targets.get(targetId)?.generation ?? 0)) return;
    const generation = this.#options.table.nextGeneration;
    this.#runner.step(entry, { kind: 'target-answered', targetId, generation });
    this.#options.table.flush();
    this.#prober.stop(name, targetId);
    this.#activity.watch(entry);
    this.#options.onChanged();
  }

  /** A worker is connected to a target that is expected. */
  reached(name: string, targetId: string): void {
    this.#expected.reached(name, targetId);
  }

  targetRefused(name: string, targetId: string, reason: string): void {
    const entry = this.#entries.get(name);
    if (!entry?.targets.has(targetId)) return;
    this.#options.tellOwner(entry.owner, { type: 'target-refused', service: name, targetId, reason });
  }

  /** A worker is new or was away, so what it holds may not have been heard of. */
  raiseHeld(): void {
    for (const entry of this.#entries.values()) {
      if (entry.gate.phase.kind !== 'open' && this.#runner.activity(entry).held > 0)
        this.wake(entry.spec.name);
    }
  }

  // ---- the inside

  #of(owner: string): ServiceEntry[] {
    return this.entries.filter((entry) => entry.owner === owner);
  }

  #owned(owner: string, name: string): ServiceEntry {
    const entry = this.#entries.get(name);
    if (entry?.owner === owner) return entry;
    throw notOwned(name);
  }

  #report(entry: ServiceEntry): ServiceReport {
    const activity = this.#runner.activity(entry);
    this.#activity.told(entry, activity);
    return { ...activity, gate: gateReport(entry.gate), targets: entry.gate.targets };
  }

  /** One service of a snapshot. What is wrong with it concerns only it: it stays as it was, or goes if that cannot be. */
  #tryPut(owner: string, spec: ServiceSpec): HostConflict | null {
    try {
      this.#claims.check(owner, spec);
      this.#put(owner, spec, true);
      return null;
    } catch (error) {
      const conflict = this.#claims.conflictOf(spec, error);
      const known = this.#entries.get(spec.name);
      if (known?.owner === owner) this.#keepOrRemove(known);
      return conflict;
    }
  }

  #keepOrRemove(entry: ServiceEntry): void {
    if (this.#claims.isTaken(entry.spec)) this.#remove(entry);
    else this.#claims.claim(entry.spec);
  }

  #put(owner: string, spec: ServiceSpec, isSnapshot: boolean, deployment: Deployment | null = null): void {
    const known = this.#entries.get(spec.name);
    const entry = known ?? this.#newEntry(owner, spec);
    const isChanged =
      !known || deployment !== null || !hasSameSettings(entry.spec, spec) || hasMovedTarget(entry, spec);
    const added = takeTargetRows(this.#options, entry, spec, known === undefined);
    for (const target of spec.targets) {
      const held = entry.targets.get(target.id);
      if (held) held.spec = target;
    }
    for (const [id, target] of added) entry.targets.set(id, target);
    this.#claims.release(entry.spec);
    this.#claims.claim(spec);
    entry.spec = spec;
    entry.deployment = deployment;
    this.#entries.set(spec.name, entry);
    const generation = this.#options.table.nextGeneration;
    const targets = spec.targets.map(({ id }) => id);
    const answered = deployment === null ? [] : targets;
    this.#runner.step(entry, { kind: 'published', targets, isSnapshot, generation, answered });
    // As if a worker's probe had got through in the same moment. After a break of the link it is asked all the same.
    for (const { id, isReached } of spec.targets) {
      if (isReached && !isSnapshot)
        this.#runner.step(entry, { kind: 'target-answered', targetId: id, generation });
    }
    this.#runner.obeyOperator(entry);
    if (isChanged) this.#options.table.put(routeOf(entry));
    this.#follow(entry);
  }

  #newEntry(owner: string, spec: ServiceSpec): ServiceEntry {
    const gate: Gate = { ...newGate, link: this.#options.linkState(owner) };
    const row = this.#options.rows.take();
    return {
      owner,
      spec,
      deployment: null,
      row,
      gate,
      targets: new Map(),
      openedAtMs: null,
      wakeCause: null,
    };
  }

  #remove(entry: ServiceEntry): void {
    const { table, rows } = this.#options;
    const { name } = entry.spec;
    const generation = table.nextGeneration;
    this.#runner.step(entry, { kind: 'removed', generation });
    table.remove(name);
    rows.retire(entry.row, generation);
    this.#claims.release(entry.spec);
    this.#entries.delete(name);
    this.#activity.forget(entry);
    this.#prober.keepOnly(name, []);
  }

  /** Ends a turn: the workers first, for requests wait there. */
  #finish(): void {
    this.#options.table.flush();
    this.#options.onChanged();
    this.#activity.changed();
  }

  #follow(entry: ServiceEntry): void {
    this.#activity.watch(entry);
    this.#probeStarting(entry);
  }

  #look(): void {
    this.#drains.sweep();
    if (!this.#activity.takeDue()) return;
    for (const entry of this.#activity.watched) this.#probeStarting(entry);
    const isListening = (owner: string): boolean => this.#options.linkState(owner) === 'ready';
    for (const [owner, changed] of this.#activity.collect(isListening)) {
      this.#options.tellOwner(owner, { type: 'activity', changed });
    }
  }

  /** Where a worker holds requests, it probes: its first request can go out on the very connection that answered. */
  #probeStarting(entry: ServiceEntry): void {
    const { name } = entry.spec;
    this.#prober.keepOnly(
      name,
      entry.gate.targets.map(({ id }) => id),
    );
    const starting = entry.gate.targets.filter(({ state }) => state === 'starting');
    if (starting.length === 0 || this.#runner.activity(entry).held > 0) return;
    for (const { id } of starting) this.#prober.start(name, targetRouteOf(entry, id));
  }
}
