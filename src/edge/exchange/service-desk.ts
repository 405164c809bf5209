/**
 * One service as this worker serves it: its current route, its pools, the requests it holds. All of it is owned here;
 * exchanges come to the desk, and are told when to look at the gate again.
 */
import type { Timer } from '../../base/clock.ts';
import { stableHash } from '../balancing/stable-hash.ts';
import { TargetEjection } from '../balancing/target-ejection.ts';
import { machineNowMs } from '../board/index.ts';
import { QuietRules } from '../routing/quiet-rules.ts';
import type { ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import { asOneEvent } from '../sockets/stream-socket.ts';
import { TargetPool } from '../upstream/target-pool.ts';
import type { TargetProbe } from '../upstream/target-probe.ts';
import type { TargetSide } from '../upstream/target-side.ts';
import type { UpstreamConnection } from '../upstream/upstream-connection.ts';
import type { EdgeCore } from './edge-core.ts';
import { ErrorPages } from './error-pages.ts';
import { FAILURES, type Failure, failureOfWake } from './failure.ts';
import { LaneChoice } from './lane-choice.ts';
import { ServiceCounts } from './service-counts.ts';
import { SlotReleases } from './slot-releases.ts';
import { StartingProbes } from './starting-probes.ts';
import { TargetSharing } from './target-sharing.ts';
import { failureOfStopped } from './traffic-failure.ts';
import type { WakeCause } from './wake-cause.ts';

/** What a request is held for: its service's gate, or a target with a free slot. */
export type WaitsFor = 'gate' | 'slot';

/** A held exchange as its desk sees it. */
export interface Holder {
  /** Looks at the gate and for a slot once more; null: it is held no more. */
  lookAgain(): WaitsFor | null;
  wakeCause(): WakeCause;
  fail(failure: Failure): void;
  /** The service is gone. */
  deskGone(): void;
}

interface Refusal {
  readonly failure: Failure;
  readonly untilMs: number;
}

export class ServiceDesk {
  readonly #core: EdgeCore;
  #route: ServiceRoute;
  readonly #pools = new Map<string, TargetPool>();
  /** First come, first served. */
  readonly #holders = new Set<Holder>();
  readonly #probes: StartingProbes;
  /** Of the first holder, as far as is known. */
  #waitsFor: WaitsFor = 'gate';
  #slotTimer: Timer | null = null;
  #isLooking = false;
  #mustLookOnceMore = false;
  readonly #releases: SlotReleases;
  readonly #ejection: TargetEjection;
  readonly counts: ServiceCounts;
  #isGone = false;
  #refusal: Refusal | null = null;
  #quietRules: QuietRules;
  #sharing: TargetSharing | null;
  #lanes: LaneChoice | null;
  #errorPages: ErrorPages | null;
  #readyings = 0;
  #readyAtMs: number;

  constructor(core: EdgeCore, route: ServiceRoute) {
    this.#core = core;
    this.#route = route;
    this.counts = new ServiceCounts(route.name, core.changedCounts);
    this.#quietRules = new QuietRules(route.quietRules);
    this.#sharing = TargetSharing.of(route, this.#seed());
    this.#lanes = LaneChoice.of(route, this.#seed());
    this.#errorPages = ErrorPages.read(route.errorPages, core.onError);
    this.#readyAtMs = core.clock.monotonic();
    this.#releases = new SlotReleases(core.clock, core.limits, () => core.host.slotReleased(route.name));
    this.#probes = new StartingProbes({
      clock: core.clock,
      context: core,
      pool: (target) => this.pool(target),
      onAnswered: (targetId, afterMs) => core.host.targetAnswered(route.name, targetId, afterMs),
      onReached: (targetId) => core.host.targetReached(route.name, targetId),
    });
    this.#ejection = new TargetEjection(
      core.clock,
      core.limits,
      (target, onDone) => this.#askOnce(target, onDone),
      () => this.counts.add('ejections'),
    );
    this.#ejection.follow(route.targets);
  }

  get waitsFor(): WaitsFor {
    return this.#waitsFor;
  }

  /** Where targets' failures are told, and who is to be avoided. */
  get ejection(): TargetEjection {
    return this.#ejection;
  }

  get route(): ServiceRoute {
    return this.#route;
  }

  /** The service was removed: exchanges that run may finish, none begins. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get quietRules(): QuietRules {
    return this.#quietRules;
  }

  /** Null: every request may go to any target. */
  get sharing(): TargetSharing | null {
    return this.#sharing;
  }

  /** Null: the service serves all of its requests itself. */
  get lanes(): LaneChoice | null {
    return this.#lanes;
  }

  get errorPages(): ErrorPages | null {
    return this.#errorPages;
  }

  /** How often a target became ready: another number than before a hold means that it was held for a wake. */
  get readyings(): number {
    return this.#readyings;
  }

  /** Something other than quiet requests keeps the service awake: only then do those reach it. */
  get isInUse(): boolean {
    const { quietAfterMs, row } = this.#route;
    if (quietAfterMs === null || this.#core.clock.monotonic() - this.#readyAtMs < quietAfterMs) return true;
    return this.#core.column.isInUse(row, quietAfterMs, machineNowMs());
  }

  get heldCount(): number {
    return this.#holders.size;
  }

  get idleCount(): number {
    let count = 0;
    for (const pool of this.#pools.values()) count += pool.idleCount;
    return count;
  }

  /** Null: it is held. Otherwise why it cannot be. */
  tryHold(holder: Holder, waitsFor: WaitsFor): Failure | null {
    const refusal = this.#currentRefusal();
    if (refusal !== null) return refusal;
    const { limits } = this.#core;
    if (this.#holders.size >= limits.heldPerServiceMax || this.#core.heldCount >= limits.heldMax) {
      return FAILURES.tooManyHeld;
    }
    this.#holders.add(holder);
    this.#core.heldCount++;
    this.counts.add('holds');
    if (this.#holders.size === 1) this.#waitsFor = 'slot';
    this.#meet(waitsFor);
    this.#reviewProbes();
    return null;
  }

  /** The holder is held no more, for whatever reason. */
  release(holder: Holder): void {
    if (!this.#holders.delete(holder)) return;
    this.#core.heldCount--;
    if (this.#holders.size > 0) return;
    this.#probes.cancel();
    this.#cancelLook();
  }

  /** It is being thawed: what is held for it need not wait for a connection as well. */
  expect(target: { readonly id: string; readonly host: string; readonly port: number }): void {
    if (this.#holders.size > 0 && this.#route.targetProtocol === 'http1') this.#probes.expect(target);
  }

  /** An exchange has left a target that may have only so many. */
  slotReleased(): void {
    if (this.#isGone) return;
    const hasWaiters = this.#holders.size > 0;
    const doOthersWait = this.#core.column.heldElsewhere(this.#route.row) > 0;
    if (this.#releases.mayTake(hasWaiters, doOthersWait) && hasWaiters) this.lookAgain();
  }

  pool(target: TargetRoute): TargetPool {
    const known = this.#pools.get(target.id);
    if (known !== undefined) return known;
    const pool = new TargetPool(this.#core, this.#core.idleBudget, target, this.#route.targetProtocol);
    // For an exchange that goes on where its target has left: nothing is kept.
    if (this.#isGone || !this.#route.targets.some((current) => current.id === target.id)) pool.close();
    else this.#pools.set(target.id, pool);
    return pool;
  }

  /** A connection whose exchange is over; a target that has left keeps nothing. */
  giveBack(target: TargetRoute | null, connection: TargetSide): void {
    const pool = target === null ? undefined : this.#pools.get(target.id);
    if (pool === undefined) connection.dismiss();
    else pool.giveBack(connection, this.#core.sweep.nowMs);
  }

  /** A new version of the route; exchanges that run keep the one they have. */
  update(route: ServiceRoute): void {
    this.#noteReadying(route);
    if (route.quietRules !== this.#route.quietRules) this.#quietRules = new QuietRules(route.quietRules);
    if (route.errorPages !== this.#route.errorPages)
      this.#errorPages = ErrorPages.read(route.errorPages, this.#core.onError);
    this.#sharing = TargetSharing.of(route, this.#seed());
    this.#lanes = LaneChoice.of(route, this.#seed());
    this.#route = route;
    this.#reconcilePools();
    this.#ejection.follow(route.targets);
    if (route.traffic === 'stopped') {
      this.#failHolders(failureOfStopped(route));
      return;
    }
    this.#reviewProbes();
    this.lookAgain();
  }

  /** Every worker deals its points from another beginning. */
  #seed(): number {
    return stableHash(this.#core.requestIds.next()) / 2 ** 32;
  }

  #noteReadying(route: ServiceRoute): void {
    const wasReady = (id: string): boolean =>
      this.#route.targets.some((known) => known.id === id && known.state === 'ready');
    if (!route.targets.some(({ id, state }) => state === 'ready' && !wasReady(id))) return;
    this.#readyings++;
    this.#readyAtMs = this.#core.clock.monotonic();
  }

  removed(): void {
    this.#isGone = true;
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
    for (const holder of this.#holders) holder.deskGone();
    this.#probes.cancel();
    this.#cancelLook();
    this.#releases.close();
    this.#ejection.close();
  }

  gateOpened(): void {
    this.#refusal = null;
    this.#ejection.resume();
    this.lookAgain();
    // The gate fell again before all had passed: what was asked for then is over.
    this.repeatWake();
  }

  gateClosed(): void {
    this.#probes.forgetAnswers();
    this.#ejection.suspend();
    for (const pool of this.#pools.values()) pool.endEpoch();
  }

  refuse(code: string, message: string, retryAfterMs: number): void {
    const failure = failureOfWake(code, message, retryAfterMs);
    this.#refusal = { failure, untilMs: this.#core.clock.monotonic() + retryAfterMs };
    this.#failHolders(failure);
  }

  /** For a new daemon, which has heard nothing of what the last one was told: neither wakes nor answers. */
  sayAgain(): void {
    this.#probes.forgetAnswers();
    this.#reviewProbes();
    this.repeatWake();
  }

  repeatWake(): void {
    if (this.#holders.size > 0 && this.#waitsFor === 'gate') this.#wake();
  }

  #wake(): void {
    this.counts.add('wakes');
    const [first] = this.#holders;
    this.#core.host.wake(this.#route.name, first?.wakeCause() ?? null);
  }

  /** Gate and slots are the same for all: the first that stays held speaks for the rest. */
  lookAgain(): void {
    this.#mustLookOnceMore = true;
    // A holder that goes, and fails at once, releases a slot again while we look.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#mustLookOnceMore) {
        this.#mustLookOnceMore = false;
        this.#look();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #look(): void {
    for (const holder of this.#holders) {
      const waitsFor = holder.lookAgain();
      if (waitsFor === null) continue;
      this.#meet(waitsFor);
      return;
    }
  }

  /** What somebody was held for just now. A wake is said when it becomes the gate; for a slot there is one more look. */
  #meet(waitsFor: WaitsFor): void {
    const wasForSlot = this.#waitsFor === 'slot';
    this.#waitsFor = waitsFor;
    if (waitsFor === 'gate') {
      if (wasForSlot) this.#wake();
      return;
    }
    this.#slotTimer ??= this.#core.clock.after(this.#core.limits.slotLookMs, () => {
      this.#slotTimer = null;
      asOneEvent(() => this.lookAgain());
    });
  }

  #cancelLook(): void {
    this.#slotTimer?.cancel();
    this.#slotTimer = null;
  }

  /** Rate limited, so that a thousand refused requests are one report. */
  reportRefused(target: TargetRoute, reason: string): void {
    const pool = this.pool(target);
    const nowMs = this.#core.clock.monotonic();
    if (nowMs - pool.refusedReportedAtMs < this.#core.limits.refusedReportMs) return;
    pool.refusedReportedAtMs = nowMs;
    this.#core.host.targetRefused(this.#route.name, target.id, reason);
  }

  #currentRefusal(): Failure | null {
    if (this.#refusal === null) return null;
    const leftMs = this.#refusal.untilMs - this.#core.clock.monotonic();
    if (leftMs <= 0) {
      this.#refusal = null;
      return null;
    }
    return { ...this.#refusal.failure, retryAfterMs: leftMs };
  }

  #failHolders(failure: Failure): void {
    for (const holder of this.#holders) holder.fail(failure);
  }

  #reconcilePools(): void {
    for (const [id, pool] of this.#pools) {
      const target = this.#route.targets.find((candidate) => candidate.id === id);
      if (target !== undefined && isFor(pool, target, this.#route)) continue;
      this.#pools.delete(id);
      pool.close();
    }
  }

  #reviewProbes(): void {
    this.#probes.review(this.#route.targets, this.#holders.size > 0);
  }

  /** An ejected target, before it is back. */
  #askOnce(target: TargetRoute, onDone: (hasAnswered: boolean) => void): TargetProbe {
    const pool = this.pool(target);
    const onAnswered = (_afterMs: number, connection: UpstreamConnection | null): void => {
      if (connection !== null) pool.giveFirst(connection, this.#core.sweep.nowMs);
      onDone(true);
    };
    return pool.probeOnce(this.#core.clock, target, onAnswered, () => onDone(false));
  }
}

/** What is kept there is still of use. */
function isFor(pool: TargetPool, { host, port }: TargetRoute, { targetProtocol }: ServiceRoute): boolean {
  return pool.host === host && pool.port === port && pool.protocol === targetProtocol;
}
