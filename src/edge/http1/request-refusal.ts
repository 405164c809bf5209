/** Why a request is refused before it is one: status and reason; the exchange layer makes the answer. No state. */

export type RequestRefusalStatus = 400 | 405 | 413 | 414 | 417 | 421 | 431 | 501 | 505;

export interface RequestRefused {
  readonly kind: 'rejected';
  readonly status: RequestRefusalStatus;
  readonly reason: string;
}

export function refused(status: RequestRefusalStatus, reason: string): RequestRefused {
  return { kind: 'rejected', status, reason };
}
