/** The store's door. */
import type { Store } from './contract.ts';
import { FailingStore, type FailurePlan } from './failing/failing-store.ts';
import { MemoryStore } from './memory/memory-store.ts';

export type { EventQuery, InstanceIntent, InstanceRecord, Store } from './contract.ts';
export { type FailurePlan, failNthWrite, type StoreWrite, type WriteFate } from './failing/failing-store.ts';
export { createSqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';

export function createMemoryStore(): Store {
  return new MemoryStore();
}

export function createFailingStore(inner: Store, plan: FailurePlan): Store {
  return new FailingStore(inner, plan);
}
