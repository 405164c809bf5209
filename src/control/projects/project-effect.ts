/** What the machine wants done. Whoever runs an effect sends its outcome back as an input. */
import type { ProjectEventKind } from '../../domain/project-event.ts';
import type { StartFailure } from '../../domain/project-status.ts';
import type { InstanceIntent } from '../../store/contract.ts';
import type { ProjectTimer } from './project-input.ts';
import type { Publication } from './project-state.ts';

export type Outcome =
  | { readonly about: 'wake'; readonly result: 'answered' | 'stopped' | 'deleted' | 'closing' }
  | { readonly about: 'wake'; readonly result: 'failed'; readonly failure: StartFailure }
  | { readonly about: 'sleep'; readonly result: 'done' | 'busy' | 'unavailable' | 'failed' }
  | { readonly about: 'stop' | 'delete' | 'shutdown'; readonly result: 'done' };

export type ProjectEffect =
  // The runtime: prepared | prepare-failed, start-begun then started | start-failed, frozen | freeze-failed, stopped | stop-failed, removed | remove-failed
  | { readonly kind: 'prepare'; readonly id: string }
  | { readonly kind: 'abort-prepare'; readonly id: string }
  | { readonly kind: 'start'; readonly id: string }
  | { readonly kind: 'thaw'; readonly id: string }
  | { readonly kind: 'freeze'; readonly id: string }
  | { readonly kind: 'abort-start'; readonly id: string }
  | { readonly kind: 'stop'; readonly id: string }
  /** Out of the runtime, then out of the store. */
  | { readonly kind: 'remove'; readonly id: string }
  // The store: intent-stored | intent-failed
  | { readonly kind: 'store-intent'; readonly id: string; readonly intent: InstanceIntent }
  // The proxy: published | publish-failed; fenced | fence-refused | fence-failed; signal-*; drained | drain-failed
  | { readonly kind: 'publish'; readonly publication: Publication }
  | { readonly kind: 'fence'; readonly ends: number }
  | { readonly kind: 'signal'; readonly token: string }
  | { readonly kind: 'lift'; readonly token: string }
  /** `isPatient`: exchanges that last longer than the drain timeout are waited for: `drain-failed`, and it is asked again. */
  | { readonly kind: 'drain'; readonly id: string; readonly isPatient: boolean }
  /** `retryAfterMs: null`: what is left of the back-off timer. */
  | { readonly kind: 'fail-wake'; readonly failure: StartFailure; readonly retryAfterMs: number | null }
  // Time: `idle` counts idle_timeout, `freeze` freeze_after, from the END of the last exchange, and fires no earlier than `delayMs` from now
  | { readonly kind: 'arm'; readonly timer: ProjectTimer; readonly delayMs: number }
  | { readonly kind: 'disarm'; readonly timer: ProjectTimer }
  | { readonly kind: 'arm-deadline'; readonly id: string }
  | { readonly kind: 'disarm-deadline'; readonly id: string }
  /** wake_timeout from here: dependencies-late */
  | { readonly kind: 'arm-dependencies' | 'disarm-dependencies' }
  // People
  | {
      readonly kind: 'record';
      readonly event: ProjectEventKind;
      readonly id: string | null;
      readonly failure: StartFailure | null;
    }
  | { readonly kind: 'tell'; readonly outcome: Outcome };
