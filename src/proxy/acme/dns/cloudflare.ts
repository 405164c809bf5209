/** Cloudflare as a DNS provider, by its API (v4) and a token that may edit the zone's DNS. It owns nothing. */
import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { LumaError, messageOf } from '../../../base/errors.ts';
import { ACME_REQUEST_TIMEOUT_MS, DNS_RECORD_TTL_S } from '../limits.ts';
import type { DnsProvider, TxtRecord } from './provider.ts';

export interface CloudflareOptions {
  readonly token: string;
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly clock: Clock;
}

const answerSchema = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number().optional(), message: z.string() })).default([]),
  result: z.unknown().optional(),
});
const zonesSchema = z.array(z.object({ id: z.string(), name: z.string() }));
const recordSchema = z.object({ id: z.string() });

/** The record is gone. */
const RECORD_NOT_FOUND = 81_044;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export class Cloudflare implements DnsProvider {
  readonly title = 'Cloudflare';
  readonly #options: CloudflareOptions;

  constructor(options: CloudflareOptions) {
    this.#options = options;
  }

  async addTxt(name: string, value: string, signal: AbortSignal): Promise<TxtRecord> {
    const zoneId = await this.#zoneOf(name, signal);
    const body = { type: 'TXT', name, content: `"${value}"`, ttl: DNS_RECORD_TTL_S };
    const path = `/zones/${zoneId}/dns_records`;
    const { id } = recordSchema.parse(await this.#call({ method: 'POST', path, body, signal }));
    return { zoneId, recordId: id, name };
  }

  async removeTxt({ zoneId, recordId }: TxtRecord): Promise<void> {
    try {
      await this.#call({ method: 'DELETE', path: `/zones/${zoneId}/dns_records/${recordId}` });
    } catch (error) {
      const isGone = error instanceof LumaError && error.details['code'] === RECORD_NOT_FOUND;
      if (!isGone) throw error;
    }
  }

  /** The longest suffix of the name that the token may see as a zone: `a.b.example.co.uk` may be in `example.co.uk`. */
  async #zoneOf(name: string, signal: AbortSignal): Promise<string> {
    const labels = name.split('.');
    for (let first = 1; first < labels.length - 1; first++) {
      const candidate = labels.slice(first).join('.');
      const path = `/zones?name=${encodeURIComponent(candidate)}`;
      const zones = zonesSchema.parse(await this.#call({ method: 'GET', path, signal }));
      const zone = zones.find((found) => found.name === candidate);
      if (zone) return zone.id;
    }
    throw new LumaError('dns_zone_unknown', `the Cloudflare token sees no zone that ${name} is in`, {
      hint: 'give the token Zone:Read and DNS:Edit for the domain',
    });
  }

  async #call({ method, path, body, signal }: Call): Promise<unknown> {
    const { clock } = this.#options;
    const deadline = new AbortController();
    const timer = clock.after(ACME_REQUEST_TIMEOUT_MS, () => deadline.abort());
    const ends = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
    try {
      return resultOf(await this.#fetch(method, path, body, ends));
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error instanceof LumaError ? error : this.#unreachable(error);
    } finally {
      timer.cancel();
    }
  }

  async #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const { apiUrl, token } = this.#options;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${apiUrl}${path}`, { method, headers, signal, ...init });
    return response.json();
  }

  #unreachable(cause: unknown): LumaError {
    return new LumaError(
      'dns_provider_unreachable',
      `cannot ask Cloudflare at ${this.#options.apiUrl}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function resultOf(document: unknown): unknown {
  const { success, errors, result } = answerSchema.parse(document);
  if (success) return result;
  const [first] = errors;
  throw new LumaError('dns_provider_refused', `Cloudflare says: ${first?.message ?? 'no'}`, {
    hint: 'check the token: it needs Zone:Read and DNS:Edit for the domain',
    details: { code: first?.code },
  });
}
