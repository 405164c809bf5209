/**
 * Probes the starting targets of services for which no worker holds a request (a worker that does probes itself).
 * Owns one probe per target, which ends with the target or with its first answer.
 */
import type { Clock } from '../../base/clock.ts';
import type { TargetRoute } from '../../edge/routing/service-route.ts';

/** Resolves when the target answers; rejects when the signal says so. */
export type Probe = (target: TargetRoute, options: { clock: Clock; signal: AbortSignal }) => Promise<unknown>;

export class TargetProber {
  readonly #probe: Probe;
  readonly #clock: Clock;
  readonly #onAnswered: (service: string, targetId: string) => void;
  /** By service, then by target. */
  readonly #running = new Map<string, Map<string, AbortController>>();

  constructor(probe: Probe, clock: Clock, onAnswered: (service: string, targetId: string) => void) {
    this.#probe = probe;
    this.#clock = clock;
    this.#onAnswered = onAnswered;
  }

  start(service: string, target: TargetRoute): void {
    const probes = this.#running.get(service) ?? new Map<string, AbortController>();
    if (probes.has(target.id)) return;
    const control = new AbortController();
    this.#running.set(service, probes.set(target.id, control));
    this.#probe(target, { clock: this.#clock, signal: control.signal }).then(
      () => {
        if (this.#forget(service, target.id, control)) this.#onAnswered(service, target.id);
      },
      () => void this.#forget(service, target.id, control),
    );
  }

  /** It answered elsewhere, or is gone. */
  stop(service: string, targetId: string): void {
    const control = this.#running.get(service)?.get(targetId);
    if (!control) return;
    this.#forget(service, targetId, control);
    control.abort();
  }

  /** Ends the probes of targets that are no longer among these. */
  keepOnly(service: string, targetIds: readonly string[]): void {
    for (const id of [...(this.#running.get(service)?.keys() ?? [])]) {
      if (!targetIds.includes(id)) this.stop(service, id);
    }
  }

  close(): void {
    for (const service of [...this.#running.keys()]) this.keepOnly(service, []);
  }

  #forget(service: string, targetId: string, control: AbortController): boolean {
    const probes = this.#running.get(service);
    if (probes?.get(targetId) !== control) return false;
    probes.delete(targetId);
    if (probes.size === 0) this.#running.delete(service);
    return true;
  }
}
