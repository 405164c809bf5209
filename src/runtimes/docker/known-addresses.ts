/**
 * Where instances are, as long as nothing can have moved them: a thaw need not look again. Owns what was learnt by the last
 * start, and believes it only while the engine's events are heard, because those say when it is over.
 */
import type { InstanceAddress } from '../contract.ts';

export class KnownAddresses {
  readonly #isHearing: () => boolean;
  readonly #addresses = new Map<string, InstanceAddress>();

  constructor(isHearing: () => boolean) {
    this.#isHearing = isHearing;
  }

  learn(instanceId: string, address: InstanceAddress): InstanceAddress {
    this.#addresses.set(instanceId, address);
    return address;
  }

  find(instanceId: string): InstanceAddress | null {
    return this.#isHearing() ? (this.#addresses.get(instanceId) ?? null) : null;
  }

  forget(instanceId: string): void {
    this.#addresses.delete(instanceId);
  }

  forgetAll(): void {
    this.#addresses.clear();
  }
}
