/**
 * Whether a TXT record can be seen: asked of the name servers that have the domain, so that no resolver remembers a no. A
 * validation that fails costs more than a wait; one that waited in vain goes on, for the CA may see more than we do.
 */
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../../base/clock.ts';
import { delay } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { DNS_QUESTION_TIMEOUT_MS, DNS_VISIBLE_PERIOD_MS, DNS_VISIBLE_TIMEOUT_MS } from '../limits.ts';

/** The questions to DNS, so that a test needs none of the world's servers. */
export interface DnsQuestions {
  /** Addresses of the name servers that have the domain of this name; none: nobody knows. */
  nameServers(name: string): Promise<readonly string[]>;
  txt(name: string, server: string): Promise<readonly string[]>;
}

export interface TxtWatchOptions {
  /** Asked instead of the domain's own name servers: `127.0.0.1:8053`. */
  readonly resolvers: readonly string[];
  readonly questions: DnsQuestions;
  readonly clock: Clock;
  readonly log: Log;
}

export class TxtWatch {
  readonly #options: TxtWatchOptions;

  constructor(options: TxtWatchOptions) {
    this.#options = options;
  }

  /** Resolves when every server shows it, or when that has taken too long. */
  async seen(name: string, value: string, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const deadlineMs = clock.monotonic() + DNS_VISIBLE_TIMEOUT_MS;
    while (!(await this.#isEverywhere(name, value))) {
      signal.throwIfAborted();
      if (clock.monotonic() >= deadlineMs) {
        log.warn('a TXT record is not seen yet: the CA is asked all the same', { name });
        return;
      }
      await delay(clock, DNS_VISIBLE_PERIOD_MS, signal);
    }
  }

  async #isEverywhere(name: string, value: string): Promise<boolean> {
    const { resolvers, questions, log } = this.#options;
    try {
      const servers = resolvers.length > 0 ? resolvers : await questions.nameServers(name);
      const answers = await Promise.all(servers.map((server) => questions.txt(name, server)));
      return answers.length > 0 && answers.every((texts) => texts.includes(value));
    } catch (error) {
      log.debug('a TXT record cannot be asked for', { name, why: messageOf(error) });
      return false;
    }
  }
}

export const dnsQuestions: DnsQuestions = {
  async nameServers(name) {
    const labels = name.split('.');
    for (let first = 1; first < labels.length - 1; first++) {
      const names = await orNone(resolver().resolveNs(labels.slice(first).join('.')));
      if (names.length === 0) continue;
      const addresses = await Promise.all(names.map((server) => orNone(resolver().resolve4(server))));
      return addresses.flatMap(([address]) => (address === undefined ? [] : [address]));
    }
    return [];
  },
  async txt(name, server) {
    const asked = resolver();
    asked.setServers([server]);
    return (await orNone(asked.resolveTxt(name))).map((parts) => parts.join(''));
  },
};

function resolver(): Resolver {
  return new Resolver({ timeout: DNS_QUESTION_TIMEOUT_MS, tries: 1 });
}

/** What is not there yet is no failure of the question. */
async function orNone<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === 'ENOTFOUND' || code === 'ENODATA' || code === 'NOTFOUND' || code === 'NODATA') return [];
    throw error;
  }
}
