/**
 * Asks the CAs when they would like what they signed to be renewed (RFC 9773): one question at a time, each certificate as
 * often as its CA says. Owns the timers; what it hears goes to the manager.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { HeldCertificate } from '../certificates/certificate-files.ts';
import { RENEWAL_INFO_FIRST_MS, RENEWAL_INFO_PERIOD_MS } from './limits.ts';
import type { RenewalInfo } from './renewal-info.ts';
import { suggestedRenewal } from './renewal-time.ts';

export interface RenewalWatchOptions {
  /** Null: the CA does not say. */
  readonly ask: (held: HeldCertificate) => Promise<RenewalInfo | null>;
  readonly onPlan: (name: string, renewAt: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Watched {
  readonly name: string;
  readonly held: HeldCertificate;
  readonly chance: number;
  timer: Timer | undefined;
}

export class RenewalWatch {
  readonly #options: RenewalWatchOptions;
  readonly #watched = new Map<string, Watched>();
  #asking: Promise<void> = Promise.resolve();

  constructor(options: RenewalWatchOptions) {
    this.#options = options;
  }

  watch(name: string, held: HeldCertificate, chance: number): void {
    if (this.#watched.get(name)?.held.id === held.id) return;
    this.forget(name);
    const watched: Watched = { name, held, chance, timer: undefined };
    this.#watched.set(name, watched);
    this.#later(watched, Math.round(RENEWAL_INFO_FIRST_MS * chance));
  }

  forget(name: string): void {
    this.#watched.get(name)?.timer?.cancel();
    this.#watched.delete(name);
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.forget(name);
  }

  #later(watched: Watched, waitMs: number): void {
    watched.timer = this.#options.clock.after(waitMs, () => {
      this.#asking = this.#asking.then(() => this.#ask(watched));
    });
  }

  async #ask(watched: Watched): Promise<void> {
    const isWatched = (): boolean => this.#watched.get(watched.name) === watched;
    if (!isWatched()) return;
    const info = await this.#answer(watched);
    if (!isWatched()) return;
    this.#later(watched, info?.askAgainMs ?? RENEWAL_INFO_PERIOD_MS);
    if (info) this.#options.onPlan(watched.name, suggestedRenewal(watched.held, info, watched.chance));
  }

  /** A CA that is away changes no plan. */
  async #answer({ name, held }: Watched): Promise<RenewalInfo | null> {
    try {
      return await this.#options.ask(held);
    } catch (error) {
      this.#options.log.debug('a CA does not say when to renew', { name, why: messageOf(error) });
      return null;
    }
  }
}
