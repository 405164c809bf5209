/** Everything that can happen to a project: answers of the engine, the proxy and the store, people, and time. */
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceIntent } from '../../store/contract.ts';
import type { Dependencies } from '../dependencies/bonds.ts';
import type { KnownActivity, Lineup, Publication, WakeCause } from './project-state.ts';

export type ProjectTimer = 'idle' | 'backoff' | 'stable' | 'retry' | 'scaling' | 'freeze';

export type ProjectInput =
  | { readonly kind: 'begin' }
  /** Requests are held, a person asks, or it is the moment of a wake-up. */
  | { readonly kind: 'wake'; readonly by: Exclude<WakeCause, 'keep'> }
  /** Others need it awake from now on, or nobody does any more. `restarts`: it has idle_timeout left from here. */
  | { readonly kind: 'kept'; readonly kept: boolean; readonly restarts: boolean }
  | { readonly kind: 'dependencies'; readonly dependencies: Dependencies }
  /** It has waited for them as long as its wake_timeout. */
  | { readonly kind: 'dependencies-late'; readonly at: number }
  /** A person wants its group to sleep: as if it had been quiet for long enough. */
  | { readonly kind: 'quiet-said' }
  | { readonly kind: 'sleep-asked' }
  | { readonly kind: 'stop-asked' }
  | { readonly kind: 'start-asked' }
  | { readonly kind: 'delete-asked' }
  | { readonly kind: 'shutdown' }
  /** New hostnames, paths or idle times; no new instance. */
  | {
      readonly kind: 'routes-changed';
      readonly sleepy: boolean;
      readonly freezes: boolean;
      readonly least: number;
      readonly most: number;
    }
  /** The load asks for so many instances. */
  | { readonly kind: 'scaled'; readonly count: number }
  /**
   * Another lineup is to serve. If the one that serves now is not in it, `revision` takes over, carried by the instance with that id.
   * `verifies`: a project that sleeps is woken for it, to see that it starts.
   */
  | {
      readonly kind: 'revised';
      readonly revision: number;
      readonly instanceId: string;
      readonly lineup: Lineup;
      readonly verifies: boolean;
    }
  | { readonly kind: 'timer'; readonly timer: ProjectTimer }
  /** It has not answered within the wake timeout since its start began. */
  | { readonly kind: 'deadline'; readonly id: string; readonly failure: StartFailure }
  // The proxy
  | {
      readonly kind: 'linked';
      readonly published: Publication | null;
      readonly activity: KnownActivity | null;
      readonly answered: readonly string[];
      readonly conflict: StartFailure | null;
    }
  | { readonly kind: 'unlinked' }
  | { readonly kind: 'activity'; readonly activity: KnownActivity }
  | { readonly kind: 'fenced'; readonly token: string }
  | { readonly kind: 'fence-refused'; readonly activity: KnownActivity }
  | { readonly kind: 'fence-failed' }
  | { readonly kind: 'lifted'; readonly token: string }
  | { readonly kind: 'signal-accepted'; readonly token: string }
  | { readonly kind: 'signal-stale'; readonly token: string }
  | { readonly kind: 'signal-failed'; readonly token: string }
  | { readonly kind: 'published'; readonly publication: Publication }
  | { readonly kind: 'publish-failed'; readonly conflict: StartFailure | null }
  | { readonly kind: 'answered'; readonly id: string }
  | { readonly kind: 'drained'; readonly id: string }
  | { readonly kind: 'drain-failed'; readonly id: string }
  // The store
  | { readonly kind: 'intent-stored'; readonly id: string; readonly intent: InstanceIntent }
  | { readonly kind: 'intent-failed'; readonly id: string }
  /** Its prepare waits for the store, however long that is away. */
  | { readonly kind: 'prepare-delayed'; readonly id: string }
  // The runtime
  | { readonly kind: 'prepared'; readonly id: string }
  | { readonly kind: 'prepare-failed'; readonly id: string; readonly failure: StartFailure }
  /** The start left the queue: the wake timeout counts from here. */
  | { readonly kind: 'start-begun'; readonly id: string }
  | { readonly kind: 'started'; readonly id: string }
  | { readonly kind: 'start-failed'; readonly id: string; readonly failure: StartFailure }
  | { readonly kind: 'frozen'; readonly id: string }
  /** Whether it is suspended is not known. */
  | { readonly kind: 'freeze-failed'; readonly id: string }
  | { readonly kind: 'stopped'; readonly id: string }
  | { readonly kind: 'stop-failed'; readonly id: string; readonly failure: StartFailure }
  | { readonly kind: 'removed'; readonly id: string }
  | { readonly kind: 'remove-failed'; readonly id: string }
  /** Its readiness probe failed, or succeeds again. */
  | { readonly kind: 'unready'; readonly id: string; readonly failure: StartFailure }
  | { readonly kind: 'ready'; readonly id: string }
  /** Its liveness probe, or the check that its image brings along, says that it must not go on. */
  | { readonly kind: 'unhealthy'; readonly id: string; readonly failure: StartFailure }
  /** It ended by itself: the runtime was asked and says so. */
  | { readonly kind: 'exited'; readonly id: string; readonly failure: StartFailure }
  /** What a list of the runtime says of an instance that was thought to lie stopped. */
  | {
      readonly kind: 'found';
      readonly id: string;
      readonly as: 'prepared' | 'running' | 'frozen' | 'absent';
    };
