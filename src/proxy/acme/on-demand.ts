/**
 * Whether a host may have a certificate that nobody deployed: the service's own word, asked with `?host=`. Owns the answers
 * it remembers: a no for a minute; a yes becomes a certificate.
 */
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { ASK_AT_ONCE_MAX, ASK_NO_MS, ASK_REMEMBERED_MAX, ASK_TIMEOUT_MS } from './limits.ts';

export interface OnDemandAsk {
  readonly host: string;
  readonly url: string;
}

export class OnDemand {
  readonly #clock: Clock;
  readonly #log: Log;
  /** By when it is forgotten, oldest first. */
  readonly #refused = new Map<string, number>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  async isAllowed(ask: OnDemandAsk): Promise<boolean> {
    const { host, url } = ask;
    const key = `${host} ${url}`;
    if (this.#clock.monotonic() < (this.#refused.get(key) ?? 0)) return false;
    const asked = this.#asking.get(key);
    if (asked) return asked;
    if (this.#asking.size >= ASK_AT_ONCE_MAX) return false;
    const answer = this.#ask(ask).finally(() => this.#asking.delete(key));
    this.#asking.set(key, answer);
    const isAllowed = await answer;
    if (!isAllowed) this.#refuse(key);
    return isAllowed;
  }

  async #ask({ host, url }: OnDemandAsk): Promise<boolean> {
    const address = new URL(url);
    address.searchParams.set('host', host);
    const deadline = new AbortController();
    const timer = this.#clock.after(ASK_TIMEOUT_MS, () => deadline.abort(new Error('it took too long')));
    try {
      const response = await fetch(address, { redirect: 'manual', signal: deadline.signal });
      await response.body?.cancel();
      this.#log.debug('asked whether a host may have a certificate', { host, status: response.status });
      return response.ok;
    } catch (error) {
      this.#log.warn('whether a host may have a certificate could not be asked: it gets none', {
        host,
        url,
        why: messageOf(error),
      });
      return false;
    } finally {
      timer.cancel();
    }
  }

  #refuse(key: string): void {
    this.#refused.delete(key);
    this.#refused.set(key, this.#clock.monotonic() + ASK_NO_MS);
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= ASK_REMEMBERED_MAX) break;
      this.#refused.delete(oldest);
    }
  }
}
