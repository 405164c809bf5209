/** The typed client's door. */
import { type Clock, systemClock } from '../../base/clock.ts';
import { type Fetch, HttpApiClient } from './api-client.ts';
import type { ApiClient } from './contract.ts';

export { ApiError } from './api-error.ts';
export type * from './contract.ts';

export interface ApiClientOptions {
  /** For example `http://127.0.0.1:8081`. */
  readonly baseUrl: string;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
}

export function createApiClient({
  baseUrl,
  fetch = globalThis.fetch,
  clock = systemClock,
}: ApiClientOptions): ApiClient {
  return new HttpApiClient(baseUrl, fetch, clock);
}
