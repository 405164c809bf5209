/**
 * The probes of one service's starting targets: they run while somebody is held, and at no other time. One that is expected is connected
 * to before it is published. Owns those that run, that connection, and which targets have answered; who is held, and the pools that get
 * the connections, are the desk's.
 */
import type { Clock } from '../../base/clock.ts';
import type { TargetRoute } from '../routing/service-route.ts';
import { EarlyConnection } from '../upstream/early-connection.ts';
import type { TargetPool } from '../upstream/target-pool.ts';
import type { TargetProbe } from '../upstream/target-probe.ts';
import type { UpstreamConnection, UpstreamContext } from '../upstream/upstream-connection.ts';

export interface StartingProbesParts {
  readonly clock: Clock;
  readonly context: UpstreamContext;
  readonly pool: (target: TargetRoute) => TargetPool;
  readonly onAnswered: (targetId: string, afterMs: number) => void;
  /** One that is expected accepts. */
  readonly onReached: (targetId: string) => void;
}

export class StartingProbes {
  readonly #parts: StartingProbesParts;
  readonly #running = new Map<string, TargetProbe>();
  /** Answered already, and still `starting` in our table. */
  readonly #answered = new Set<string>();
  #early: EarlyConnection | null = null;

  constructor(parts: StartingProbesParts) {
    this.#parts = parts;
  }

  expect(target: { readonly id: string; readonly host: string; readonly port: number }): void {
    const { context, onReached } = this.#parts;
    this.#dropEarly();
    this.#early = new EarlyConnection(context, target, () => onReached(target.id));
  }

  /** Targets, or who is held, may be others than before. */
  review(targets: readonly TargetRoute[], isAnyoneHeld: boolean): void {
    this.#takeEarly(targets);
    const starting = new Set<string>();
    for (const target of targets) {
      if (target.state !== 'starting') continue;
      starting.add(target.id);
      if (isAnyoneHeld) this.#probe(target);
    }
    for (const [id, probe] of this.#running) {
      if (starting.has(id)) continue;
      this.#running.delete(id);
      probe.cancel();
    }
    for (const id of this.#answered) {
      if (!starting.has(id)) this.#answered.delete(id);
    }
  }

  /** Who answers from now on is told again. */
  forgetAnswers(): void {
    this.#answered.clear();
  }

  cancel(): void {
    for (const probe of this.#running.values()) probe.cancel();
    this.#running.clear();
    this.#dropEarly();
  }

  #probe(target: TargetRoute): void {
    if (this.#running.has(target.id) || this.#answered.has(target.id)) return;
    const { clock, context, onAnswered } = this.#parts;
    const pool = this.#parts.pool(target);
    const hasAnswered = (afterMs: number, connection: UpstreamConnection | null): void => {
      this.#running.delete(target.id);
      this.#answered.add(target.id);
      if (connection !== null) pool.giveFirst(connection, context.sweep.nowMs);
      onAnswered(target.id, afterMs);
    };
    this.#running.set(target.id, pool.probe(clock, target, hasAnswered));
  }

  /** What was expected is published: the first request goes out on the connection that is there. */
  #takeEarly(targets: readonly TargetRoute[]): void {
    const target = targets.find(({ id }) => id === this.#early?.targetId);
    if (!this.#early || !target) return;
    const connection = target.state === 'ready' ? this.#early.take(target) : null;
    if (connection) this.#parts.pool(target).giveFirst(connection, this.#parts.context.sweep.nowMs);
    this.#dropEarly();
  }

  #dropEarly(): void {
    this.#early?.drop();
    this.#early = null;
  }
}
