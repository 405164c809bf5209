/**
 * The test's hand on a fake engine: how instances behave, which replies are lost, when the engine is gone.
 * Owns the plans; the engine asks them and carries them out.
 */
import type { Clock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { InstanceAddress, InstanceSpec } from '../contract.ts';
import type { FakeBehaviour, FakeExit, FakeOperation } from './behaviour.ts';
import type { FakeEngine } from './fake-engine.ts';

/** A call the engine was asked for, refused or not. */
export interface FakeCall {
  readonly operation: FakeOperation | 'list' | 'describe';
  readonly instanceId: string | null;
  /** Milliseconds of the clock's wall time. */
  readonly at: number;
}

/** `error`: the connection breaks after the engine has acted. `silence`: no answer ever comes. */
export type LostReply = 'error' | 'silence';

interface Loss {
  readonly operation: FakeOperation;
  readonly instanceId: string | null;
  readonly how: LostReply;
}

const CALLS_MAX = 10_000;

export class FakeScript {
  readonly #clock: Clock;
  readonly #engine: FakeEngine;
  readonly #behaviours = new Map<string, FakeBehaviour>();
  readonly #calls: FakeCall[] = [];
  readonly #losses: Loss[] = [];
  #isAvailable = true;
  #hearsEvents = true;

  constructor(clock: Clock, engine: FakeEngine) {
    this.#clock = clock;
    this.#engine = engine;
  }

  /** From its next call on. `name` is a project, an instance id (which wins), or `*` for all others. */
  behave(name: string, behaviour: FakeBehaviour): void {
    this.#behaviours.set(name, behaviour);
  }

  /** The next such call, of this instance or of any, is carried out, but its caller does not hear so. */
  loseReply(operation: FakeOperation, how: LostReply, instanceId: string | null = null): void {
    this.#losses.push({ operation, how, instanceId });
  }

  /** No call gets through and no event comes, until `becomeAvailable` or for `forMs`; instances go on. */
  becomeUnavailable(forMs?: number): void {
    this.#isAvailable = false;
    if (forMs !== undefined) this.#clock.after(forMs, () => this.becomeAvailable());
  }

  /** The event stream is open again, and says `relist`. */
  becomeAvailable(): void {
    if (this.#isAvailable) return;
    this.#isAvailable = true;
    this.#engine.tellRelist();
  }

  /** Events are lost from now on, although calls work. */
  dropEvents(): void {
    this.#hearsEvents = false;
  }

  /** Events come again; what was lost is only told by `relist`. */
  relist(): void {
    this.#hearsEvents = true;
    this.#engine.tellRelist();
  }

  /** The app ends by itself: a crash, an operator's kill. */
  exit(instanceId: string, exit: FakeExit = { code: 1 }): void {
    this.#engine.end(instanceId, exit);
  }

  /** The check of its image says so, once more; its event is told the first time. */
  tellUnhealthy(instanceId: string): void {
    this.#engine.tellUnhealthy(instanceId);
  }

  tellHealthy(instanceId: string): void {
    this.#engine.tellHealthy(instanceId);
  }

  /** What it is made of disappears behind Luma's back, without any event. */
  vanish(instanceId: string): void {
    this.#engine.vanish(instanceId);
  }

  print(instanceId: string, stream: 'stdout' | 'stderr', text: string): void {
    this.#engine.print(instanceId, stream, text);
  }

  /** Whether an app would answer there now: for tests whose fake does not listen. */
  answers(address: Pick<InstanceAddress, 'port'>): boolean {
    return this.#engine.answers(address.port);
  }

  /** Every call so far, oldest first; at most the last 10,000. */
  get calls(): readonly FakeCall[] {
    return this.#calls;
  }

  /** How often the engine was asked for this, of this instance or of any. */
  countOf(operation: FakeCall['operation'], instanceId?: string): number {
    return this.#calls.filter(
      (call) => call.operation === operation && (instanceId === undefined || call.instanceId === instanceId),
    ).length;
  }

  // For the engine's side.

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  get hearsEvents(): boolean {
    return this.#hearsEvents && this.#isAvailable;
  }

  behaviourOf(spec: InstanceSpec): FakeBehaviour {
    const named = this.#behaviours.get(spec.instanceId) ?? this.#behaviours.get(spec.project);
    return named ?? this.#behaviours.get('*') ?? {};
  }

  /** Notes the call; fails when the engine is gone. */
  admit(operation: FakeCall['operation'], instanceId: string | null): void {
    this.#calls.push({ operation, instanceId, at: this.#clock.now() });
    if (this.#calls.length > CALLS_MAX) this.#calls.shift();
    if (!this.#isAvailable) throw unavailable();
  }

  /** Each planned loss happens once. */
  takeLoss(operation: FakeOperation, instanceId: string): LostReply | null {
    const index = this.#losses.findIndex(
      (loss) => loss.operation === operation && (loss.instanceId === null || loss.instanceId === instanceId),
    );
    return index < 0 ? null : (this.#losses.splice(index, 1)[0]?.how ?? null);
  }
}

export function unavailable(): LumaError {
  return new LumaError('runtime_unavailable', 'the fake engine does not answer', { hint: 'try again later' });
}
