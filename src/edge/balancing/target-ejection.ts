/**
 * Which targets of one service get no exchanges for a while, because they failed several times in a row. Owns all that
 * is known of their failures, the time they stay out, and the probe that must answer before they are back.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { TargetRoute } from '../routing/service-route.ts';

export interface EjectionLimits {
  /** Failures in a row that eject a target. */
  readonly ejectAfterFailures: number;
  /** The first ejection, milliseconds; each further one takes twice as long. */
  readonly ejectionMinMs: number;
  readonly ejectionMaxMs: number;
}

/** Asks a target once; the result is the running try, which can be given up. */
export type EjectionProbe = (
  target: TargetRoute,
  onDone: (hasAnswered: boolean) => void,
) => { cancel(): void };

interface FailureRecord {
  target: TargetRoute;
  /** In a row. */
  failures: number;
  /** How long the last ejection was; 0: none yet. */
  ejectionMs: number;
  /** Out until the probe answers. */
  isOut: boolean;
  /** Back, and has not answered a request yet: one failure is enough. */
  isOnProbation: boolean;
  backAtMs: number;
  /** Waits to be probed. */
  timer: Timer | null;
  probe: { cancel(): void } | null;
}

const NONE: readonly string[] = [];

export class TargetEjection {
  readonly #clock: Clock;
  readonly #limits: EjectionLimits;
  readonly #probe: EjectionProbe;
  readonly #onEjected: () => void;
  /** Only of targets that have failed. */
  readonly #records = new Map<string, FailureRecord>();
  #readyIds: ReadonlySet<string> = new Set();
  #isSuspended = false;
  #ejectedIds = NONE;
  /** Ejections since the start. */
  count = 0;

  /** `onEjected`: one more. */
  constructor(clock: Clock, limits: EjectionLimits, probe: EjectionProbe, onEjected: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#probe = probe;
    this.#onEjected = onEjected;
  }

  /** Never all that are ready. */
  get ejectedIds(): readonly string[] {
    return this.#ejectedIds;
  }

  /** The targets as they are now: what is known of one that left, moved or starts anew is forgotten. */
  follow(targets: readonly TargetRoute[]): void {
    this.#readyIds = new Set(targets.filter(({ state }) => state === 'ready').map(({ id }) => id));
    for (const [id, record] of this.#records) {
      const target = targets.find((candidate) => candidate.id === id);
      const isSame = target?.host === record.target.host && target.port === record.target.port;
      if (target?.state === 'ready' && isSame) record.target = target;
      else this.#forget(id, record);
    }
    // Whoever was better than they has left.
    if (!this.#hasOtherThan('')) for (const record of this.#records.values()) this.#readmit(record);
    this.#list();
  }

  /** An exchange or a connect failed in a way that may be the target's fault. */
  failed(target: TargetRoute): void {
    if (this.#isSuspended || !this.#readyIds.has(target.id)) return;
    const record = this.#records.get(target.id) ?? this.#newRecord(target);
    record.failures++;
    if (record.isOut) return;
    const isEnough = record.isOnProbation || record.failures >= this.#limits.ejectAfterFailures;
    if (isEnough && this.#hasOtherThan(target.id)) this.#eject(record);
  }

  /** An answer began. Called for every exchange: next to nothing while no target has failed. */
  answered(id: string): void {
    if (this.#records.size === 0) return;
    const record = this.#records.get(id);
    if (record === undefined || record.isOut) return;
    record.failures = 0;
    record.isOnProbation = false;
    // Well for as long as it was out: the next time counts as the first.
    if (this.#clock.monotonic() - record.backAtMs >= record.ejectionMs) this.#forget(id, record);
  }

  /** The gate is closed: targets may be stopped or frozen, and are to be left alone. */
  suspend(): void {
    this.#isSuspended = true;
    for (const record of this.#records.values()) this.#rest(record);
  }

  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    for (const record of this.#records.values()) if (record.isOut) this.#ask(record);
  }

  close(): void {
    for (const [id, record] of this.#records) this.#forget(id, record);
    this.#list();
  }

  #newRecord(target: TargetRoute): FailureRecord {
    const record = {
      ...{ target, failures: 0, ejectionMs: 0, isOut: false, isOnProbation: false },
      ...{ backAtMs: 0, timer: null, probe: null },
    };
    this.#records.set(target.id, record);
    return record;
  }

  /** Somebody else can be chosen: a sole target is never ejected. */
  #hasOtherThan(id: string): boolean {
    for (const readyId of this.#readyIds) {
      if (readyId !== id && this.#records.get(readyId)?.isOut !== true) return true;
    }
    return false;
  }

  #eject(record: FailureRecord): void {
    const { ejectionMinMs, ejectionMaxMs } = this.#limits;
    record.ejectionMs = Math.min(
      ejectionMaxMs,
      record.ejectionMs === 0 ? ejectionMinMs : record.ejectionMs * 2,
    );
    record.isOut = true;
    this.count++;
    this.#onEjected();
    this.#list();
    this.#wait(record);
  }

  #wait(record: FailureRecord): void {
    record.timer = this.#clock.after(record.ejectionMs, () => {
      record.timer = null;
      this.#ask(record);
    });
  }

  #ask(record: FailureRecord): void {
    record.probe = this.#probe(record.target, (hasAnswered) => {
      record.probe = null;
      if (!record.isOut) return;
      if (hasAnswered) this.#readmit(record);
      else {
        record.ejectionMs = Math.min(this.#limits.ejectionMaxMs, record.ejectionMs * 2);
        this.#wait(record);
      }
      this.#list();
    });
  }

  #readmit(record: FailureRecord): void {
    if (!record.isOut) return;
    this.#rest(record);
    record.isOut = false;
    record.isOnProbation = true;
    record.failures = 0;
    record.backAtMs = this.#clock.monotonic();
  }

  #rest(record: FailureRecord): void {
    record.timer?.cancel();
    record.timer = null;
    const probe = record.probe;
    record.probe = null;
    probe?.cancel();
  }

  #forget(id: string, record: FailureRecord): void {
    this.#rest(record);
    record.isOut = false;
    this.#records.delete(id);
  }

  #list(): void {
    const out = [...this.#records.values()].filter(({ isOut }) => isOut);
    this.#ejectedIds = out.length === 0 ? NONE : out.map(({ target }) => target.id);
  }
}
