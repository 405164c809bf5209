/** What a client reads when it was an operator, or a deploy, that kept its request from an answer. No state. */
import type { ServiceRoute } from '../routing/service-route.ts';
import { FAILURES, type Failure } from './failure.ts';

const SHORTLY_MS = 1_000;

/** The target left its service, and the time to finish what ran there is over. */
export const TARGET_REPLACED: Failure = {
  status: 503,
  code: 'target_replaced',
  message: 'The instance that served this request was replaced before it answered.',
  retryAfterMs: SHORTLY_MS,
};

const PAUSED: Failure = {
  status: 503,
  code: 'service_paused',
  message: 'This service is paused.',
  retryAfterMs: SHORTLY_MS,
};

type Traffic = Pick<ServiceRoute, 'traffic' | 'stopMessage'>;

/** In the words of who stopped it, if they left any. */
export function failureOfStopped({ stopMessage }: Traffic): Failure {
  const { serviceStopped } = FAILURES;
  return stopMessage === undefined ? serviceStopped : { ...serviceStopped, message: stopMessage };
}

/** It was held for as long as it may be. */
export function failureOfHold({ traffic }: Traffic): Failure {
  return traffic === 'paused' ? PAUSED : FAILURES.holdTimeout;
}
