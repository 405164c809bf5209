/**
 * Asks the runtime what there really is, when something odd was heard: one list answers for all who wait for it.
 * A list says nothing about an instance that changed while it was made; that one is looked at again.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ObservedInstance, Runtime } from '../../runtimes/contract.ts';

/** Who knows what should be there. */
export interface Observer {
  changesOf(instanceId: string): number;
  observe(instanceId: string, observed: ObservedInstance | null): Promise<void>;
}

export interface InventoryNeeds {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly find: (instanceId: string) => Observer | null;
  readonly all: () => Iterable<string>;
}

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5_000;

export class Inventory {
  readonly #needs: InventoryNeeds;
  readonly #suspects = new Set<string>();
  readonly #closing = new AbortController();
  #working: Promise<void> | null = null;

  constructor(needs: InventoryNeeds) {
    this.#needs = needs;
  }

  /** Looks at one instance soon. */
  suspect(instanceId: string): void {
    this.#suspects.add(instanceId);
    this.#work();
  }

  /** Looks at everything; resolves when it has been seen, or the runtime does not answer. */
  async checkAll(): Promise<void> {
    for (const id of this.#needs.all()) this.#suspects.add(id);
    await this.#look();
    if (this.#suspects.size > 0) this.#work();
  }

  close(): void {
    this.#closing.abort();
    this.#suspects.clear();
  }

  #work(): void {
    if (this.#working || this.#closing.signal.aborted) return;
    this.#working = this.#lookUntilClear().finally(() => {
      this.#working = null;
      if (this.#suspects.size > 0) this.#work();
    });
  }

  async #lookUntilClear(): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    while (this.#suspects.size > 0 && !this.#closing.signal.aborted) {
      if (await this.#look()) {
        retryMs = RETRY_FIRST_MS;
        continue;
      }
      const isOver = await delay(this.#needs.clock, retryMs, this.#closing.signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
      retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    }
  }

  /** One list; false when the runtime does not answer. */
  async #look(): Promise<boolean> {
    const { runtime, find, log } = this.#needs;
    const before = new Map<string, number>();
    for (const id of this.#suspects) before.set(id, find(id)?.changesOf(id) ?? -1);
    this.#suspects.clear();
    let found: Map<string, ObservedInstance>;
    try {
      found = new Map((await runtime.list()).map((observed) => [observed.instanceId, observed]));
    } catch (error) {
      log.warn('the runtime could not be listed', { error: messageOf(error) });
      if (!this.#closing.signal.aborted) for (const id of before.keys()) this.#suspects.add(id);
      return false;
    }
    const looks = [...before].map(async ([id, changes]) => {
      const observer = find(id);
      if (!observer) return;
      if (observer.changesOf(id) === changes) await observer.observe(id, found.get(id) ?? null);
      else this.#suspects.add(id);
    });
    await Promise.all(looks);
    return true;
  }
}
