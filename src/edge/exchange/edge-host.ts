/** What the edge asks of the process around it; `proxy/workers` implements it over the daemon's socket. */
import type { WakeCause } from './wake-cause.ts';

export interface EdgeHost {
  /**
   * Requests are held for this service: ask for an instance. Said when a request is held while this worker held none
   * for it, and after every opening that leaves some held (test/model shows what is lost otherwise).
   */
  wake(service: string, cause: WakeCause | null): void;
  /** A starting target answered this worker's probe after `afterMs`: the gate may open. */
  targetAnswered(service: string, targetId: string, afterMs: number): void;
  /** A connection to a target that is expected is open (see `Edge.expect`). */
  targetReached(service: string, targetId: string): void;
  /** A slot of a target was released that requests held by other workers may take: tell them all, and us. */
  slotReleased(service: string): void;
  /** A connection to a ready target was refused or timed out; the instance may be gone. */
  targetRefused(service: string, targetId: string, reason: string): void;
  /** A client waits for a certificate of this host: get one if it may have one, and say so either way. */
  certificateWanted(host: string): void;
}
