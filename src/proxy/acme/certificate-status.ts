/** A name's certificate as the management socket shows it, and all of them as Prometheus reads them. Pure. */
import type { Exposition } from '../../telemetry/index.ts';
import type { CertificateStatus } from '../client/certificate-schema.ts';
import { CERTIFICATE_STATES } from '../client/certificate-schema.ts';
import { certificateOf, timeOf } from './certificate-machine.ts';
import type { CertificateView, OrderOutcome } from './certificate-manager.ts';

const OUTCOMES: readonly OrderOutcome[] = ['issued', 'renewed', 'failed', 'refused', 'abandoned'];

export function certificateStatus(
  { name, service, state, directoryUrl, isOnDemand }: CertificateView,
  nowMs: number,
): CertificateStatus[] {
  if (state.kind === 'gone') return [];
  const held = certificateOf(state);
  const nextAt = state.kind === 'retired' ? null : timeOf(state);
  return [
    {
      host: name,
      service,
      state: state.kind,
      served: held !== null && state.kind !== 'retired' && held.notAfter > nowMs,
      issuer: held?.issuer ?? null,
      not_before: instant(held?.notBefore ?? null),
      not_after: instant(held?.notAfter ?? null),
      challenge: held?.challenge ?? null,
      directory: directoryUrl,
      on_demand: isOnDemand,
      next_try_at: instant(nextAt),
      last_error:
        'failure' in state ? { ...state.failure, at: new Date(state.failure.at).toISOString() } : null,
    },
  ];
}

export function exposeCertificates(
  out: Exposition,
  statuses: readonly CertificateStatus[],
  outcomes: ReadonlyMap<OrderOutcome, number>,
): void {
  out.family(
    'luma_proxy_certificate_expiry_seconds',
    'gauge',
    'When the certificate of a host expires, in seconds since 1970.',
  );
  for (const { host, state, not_after: notAfter } of statuses) {
    if (notAfter !== null && state !== 'retired') out.sample({ host }, Date.parse(notAfter) / 1_000);
  }
  exposeTries(out, statuses);
  out.family('luma_proxy_certificates', 'gauge', 'Hosts by the state of their certificate.');
  for (const known of CERTIFICATE_STATES) {
    out.sample({ state: known }, statuses.filter(({ state }) => state === known).length);
  }
  out.family('luma_proxy_certificate_orders_total', 'counter', 'Orders of certificates by how they ended.');
  for (const outcome of OUTCOMES) out.sample({ outcome }, outcomes.get(outcome) ?? 0);
}

function exposeTries(out: Exposition, statuses: readonly CertificateStatus[]): void {
  out.family(
    'luma_proxy_certificate_next_try_seconds',
    'gauge',
    'When the next order for a host begins, in seconds since 1970.',
  );
  for (const { host, next_try_at: nextTryAt } of statuses) {
    if (nextTryAt !== null) out.sample({ host }, Date.parse(nextTryAt) / 1_000);
  }
  out.family('luma_proxy_certificate_failed', 'gauge', '1 for each host whose last order failed, and why.');
  for (const { host, last_error: error } of statuses) {
    if (error !== null) out.sample({ host, code: error.code }, 1);
  }
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
