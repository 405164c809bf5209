/**
 * The store's records of instances as the control plane keeps them. Owns what the store could not take: an intention that is
 * not on disk yet must not keep anybody awake, so it counts at once, and is written as soon as the store is back. Who cannot
 * begin without the store waits for it here: one asks for all.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { isLumaError, type LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type InstanceIntent, type InstanceRecord, isStoreAway, type Store } from '../../store/contract.ts';

/** The last word on each instance. */
type Owed = InstanceIntent | 'gone';

/** How somebody waits for a store that is away. */
export interface StoreWait {
  readonly signal: AbortSignal;
  /** It begins to wait. */
  readonly onAway: (error: LumaError) => void;
}

/** Resolves true when the store has answered, well or badly; false: it is away still. */
type Attempt = () => Promise<boolean>;

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;

export class RecordKeeper {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By instance id: as many as there are instances, and no more. */
  readonly #owed = new Map<string, Owed>();
  /** In the order they came: at most one for each call of an engine that has to be made. */
  readonly #waiting = new Set<Attempt>();
  #timer: Timer | null = null;
  #retryMs = RETRY_FIRST_MS;
  #paying: Promise<void> | null = null;
  #isClosed = false;

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** The store knows less than we do, or somebody waits for it. */
  get isBehind(): boolean {
    return this.#owed.size > 0 || this.#waiting.size > 0;
  }

  /** Before the engine makes anything: what nobody recorded would be nobody's. */
  put(record: InstanceRecord, wait: StoreWait): Promise<void> {
    return this.whenAble(() => this.#store.putInstance(record), wait);
  }

  /** The outcome of the work, which is done again until the store is not away; rejects with the signal's reason. */
  async whenAble<T>(work: () => Promise<T>, wait: StoreWait): Promise<T> {
    wait.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      wait.signal.throwIfAborted();
      this.#warn(error);
      wait.onAway(error);
      return await this.#inTurn(work, wait.signal);
    }
  }

  /** Resolves when it is stored, or owed; fails with `instance_not_found`. */
  setIntent(instanceId: string, intent: InstanceIntent): Promise<void> {
    return this.#settle(instanceId, intent);
  }

  /** Of an instance that the runtime has removed. */
  remove(instanceId: string): Promise<void> {
    return this.#settle(instanceId, 'gone');
  }

  /** A last try, when Luma ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#pay();
  }

  async #settle(instanceId: string, word: Owed): Promise<void> {
    if (this.isBehind) {
      this.#owed.set(instanceId, word);
      return;
    }
    try {
      await this.#write(instanceId, word);
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      this.#warn(error);
      this.#owed.set(instanceId, word);
      this.#payLater();
    }
  }

  #write(instanceId: string, word: Owed): Promise<void> {
    return word === 'gone'
      ? this.#store.removeInstance(instanceId)
      : this.#store.setInstanceIntent(instanceId, word);
  }

  #inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting.delete(attempt);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      let isTrying = false;
      // What is being written counts: whoever called it off has to know.
      const onAbort = (): void => {
        if (!isTrying) end(() => reject(signal.reason));
      };
      const attempt: Attempt = async () => {
        isTrying = true;
        try {
          const value = await work();
          end(() => resolve(value));
        } catch (error) {
          isTrying = false;
          if (isStoreAway(error) && !signal.aborted) return false;
          end(() => reject(error));
        }
        return true;
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(attempt);
      this.#payLater();
    });
  }

  #warn(error: unknown): void {
    if (this.isBehind) return;
    this.#log.warn('the store cannot be written; Luma goes on, and writes what it owes when it can', {
      error: messageOf(error),
    });
  }

  #payLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#clock.after(this.#retryMs, () => {
      this.#timer = null;
      void this.#pay();
    });
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  #pay(): Promise<void> {
    this.#paying ??= this.#payAll().finally(() => {
      this.#paying = null;
    });
    return this.#paying;
  }

  async #payAll(): Promise<void> {
    if (!this.isBehind) return;
    for (const [instanceId, word] of this.#owed) {
      try {
        await this.#write(instanceId, word);
      } catch (error) {
        if (isStoreAway(error)) return this.#payLater();
        // Its project was deleted meanwhile, and its record with it.
        if (!isLumaError(error, 'instance_not_found')) {
          this.#log.error('a record could not be written', { instance: instanceId, error: messageOf(error) });
        }
      }
      // A newer word that came during the write is owed still.
      if (this.#owed.get(instanceId) === word) this.#owed.delete(instanceId);
    }
    for (const attempt of this.#waiting) if (!(await attempt())) return this.#payLater();
    if (this.isBehind) return this.#payLater();
    this.#retryMs = RETRY_FIRST_MS;
    this.#log.info('the store can be written again, and has everything');
  }
}
