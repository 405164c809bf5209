/**
 * The kept connections of one target. Owns the idle ones; those in use belong to their exchange and come back only
 * while the pool's epoch is the one they were made in: a fence, a freeze or a target's leaving ends an epoch.
 */
import type { Clock } from '../../base/clock.ts';
import type { TargetProtocol, TargetRoute } from '../routing/service-route.ts';
import { type ProbeAnswered, TargetProbe } from './target-probe.ts';
import { TargetSessions } from './target-sessions.ts';
import type { TargetSide, UpstreamUser } from './target-side.ts';
import { type ConnectionKeeper, UpstreamConnection, type UpstreamContext } from './upstream-connection.ts';

/** Shared by all pools of a worker: the bound over all of them. */
export class IdleBudget {
  #left: number;

  constructor(idleMax: number) {
    this.#left = idleMax;
  }

  get left(): number {
    return this.#left;
  }

  tryTake(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  giveBack(): void {
    this.#left++;
  }
}

export class TargetPool implements ConnectionKeeper {
  readonly host: string;
  readonly port: number;
  /** A refusal was last reported then, monotonic milliseconds. */
  refusedReportedAtMs = Number.NEGATIVE_INFINITY;
  readonly #context: UpstreamContext;
  readonly #budget: IdleBudget;
  /** Of a target that speaks HTTP/2; null: it does not. */
  readonly #sessions: TargetSessions | null;
  /** Last in, first out: what is not needed ages and goes. */
  #idle: UpstreamConnection[] = [];
  #epoch = 0;
  #isClosed = false;

  constructor(
    context: UpstreamContext,
    budget: IdleBudget,
    target: TargetRoute,
    readonly protocol: TargetProtocol = 'http1',
  ) {
    this.#context = context;
    this.#budget = budget;
    this.host = target.host;
    this.port = target.port;
    this.#sessions = protocol === 'h2c' ? new TargetSessions(context, target) : null;
  }

  get idleCount(): number {
    return this.#sessions?.idleCount ?? this.#idle.length;
  }

  /** A kept connection that is not older than `idleMsMax`, or null. */
  tryTake(user: UpstreamUser, nowMs: number, idleMsMax: number): TargetSide | null {
    if (this.#sessions !== null) return this.#sessions.tryTake(user);
    const connection = this.#idle.at(-1);
    if (connection === undefined || nowMs - connection.idleSinceMs > idleMsMax) return null;
    this.#idle.pop();
    this.#budget.giveBack();
    connection.use(user);
    return connection;
  }

  /** A new one; the user hears `onUpstreamOpen` or `onUpstreamBroken`. */
  connect(user: UpstreamUser): TargetSide {
    if (this.#sessions !== null) return this.#sessions.connect(user);
    return new UpstreamConnection(this.#context, this, user, this.#epoch);
  }

  /** Takes back what an exchange has finished with, or closes it. */
  giveBack(connection: TargetSide, nowMs: number): void {
    const isKept =
      connection instanceof UpstreamConnection && connection.isReusable && this.#isCurrent(connection);
    if (isKept) this.#keep(connection, nowMs);
    else connection.dismiss();
  }

  /** Asks a starting target; what it connects belongs to this pool's epoch. */
  probe(clock: Clock, target: TargetRoute, onAnswered: ProbeAnswered): TargetProbe {
    return new TargetProbe(this.#context, clock, this.#probed(target), onAnswered, this.#epoch);
  }

  /** Asks a target that was ready before, once. */
  probeOnce(clock: Clock, target: TargetRoute, onAnswered: ProbeAnswered, onFailed: () => void): TargetProbe {
    return new TargetProbe(this.#context, clock, this.#probed(target), onAnswered, this.#epoch, onFailed);
  }

  /** A probe speaks HTTP/1.1: of who does not, a connection is asked. */
  #probed(target: TargetRoute): TargetRoute {
    if (this.#sessions === null) return target;
    return { ...target, readiness: { ...target.readiness, kind: 'connect', path: null } };
  }

  /** A connection that a probe made and nobody has used: the first request goes out on it. */
  giveFirst(connection: UpstreamConnection, nowMs: number): void {
    if (this.#sessions === null && this.#isCurrent(connection)) this.#keep(connection, nowMs);
    else connection.dismiss();
  }

  /** Nothing idle survives, nothing in use comes back. */
  endEpoch(): void {
    this.#epoch++;
    this.#sessions?.endEpoch();
    const idle = this.#idle;
    this.#idle = [];
    for (const connection of idle) {
      this.#budget.giveBack();
      connection.dismiss();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.endEpoch();
  }

  onIdleGone(connection: UpstreamConnection): void {
    const index = this.#idle.indexOf(connection);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#budget.giveBack();
  }

  #isCurrent(connection: UpstreamConnection): boolean {
    return !this.#isClosed && connection.epoch === this.#epoch;
  }

  #keep(connection: UpstreamConnection, nowMs: number): void {
    if (this.#idle.length >= this.#context.limits.idlePerTargetMax || !this.#budget.tryTake()) {
      connection.dismiss();
      return;
    }
    connection.rest(this, nowMs);
    this.#idle.push(connection);
  }
}
