/** What all supervisors share. Built once by the control plane. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Keep } from '../../domain/keeping.ts';
import type { RegistryCredentials } from '../../domain/registry.ts';
import type { ProxyLink } from '../../proxy/client/contract.ts';
import type { Runtime } from '../../runtimes/contract.ts';
import type { Store } from '../../store/contract.ts';
import type { RecordKeeper } from '../instances/record-keeper.ts';
import type { StartQueue } from '../instances/start-queue.ts';
import type { Journal } from '../journal/journal.ts';

export interface SupervisorNeeds {
  readonly store: Store;
  readonly records: RecordKeeper;
  readonly runtime: Runtime;
  readonly link: ProxyLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  /** Starts of all projects, near the number of cores at once. */
  readonly starts: StartQueue;
  /** Pulls and creates of all projects. */
  readonly prepares: StartQueue;
  /** How long exchanges may take to end before a stop. */
  readonly drainTimeoutMs: () => number;
  /** The instance came to be, or is gone for ever. */
  readonly onInstance: (service: string, instanceId: string, isThere: boolean) => void;
  /** Why the service may not sleep although nobody uses it. */
  readonly keepsOf: (service: string) => readonly Keep[];
  /** Something odd was heard of it: ask the runtime. */
  readonly onSuspect: (instanceId: string) => void;
  /** For pulls from that registry. */
  readonly credentialsFor: (registry: string) => RegistryCredentials | null;
}
