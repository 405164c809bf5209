/** One of each state and event of a certificate: for the test over every pair, and for the page of states. */
import type { HeldCertificate } from '../certificates/certificate-files.ts';
import type { CertificateEvent, CertificateState, OrderFailure } from './certificate-machine.ts';
import { startState } from './certificate-machine.ts';

const held = (id: string, directoryUrl = 'ca'): HeldCertificate => ({
  id,
  name: 'a.test',
  names: ['a.test'],
  file: `/certs/${id}.pem`,
  issuer: 'CA',
  notBefore: 0,
  notAfter: 900,
  directoryUrl,
  challenge: 'http-01',
  isOnDemand: false,
});
const old = held('old');
const failure: OrderFailure = { code: 'acme_dns', message: 'no', hint: null, at: 1 };
const failed = { failures: 2, failure, retryAt: 500 };

export const states: Readonly<Record<string, CertificateState>> = {
  gone: startState,
  wanted: { kind: 'wanted', failures: 1 },
  ordering: { kind: 'ordering', failures: 1 },
  valid: { kind: 'valid', certificate: old, renewAt: 600 },
  due: { kind: 'due', certificate: old, failures: 1 },
  renewing: { kind: 'renewing', certificate: old, failures: 1 },
  'backing-off': { kind: 'backing-off', certificate: null, ...failed },
  'backing-off (held)': { kind: 'backing-off', certificate: old, ...failed },
  refused: { kind: 'refused', certificate: null, ...failed },
  'refused (held)': { kind: 'refused', certificate: old, ...failed },
  retired: { kind: 'retired', certificate: old },
};

export const events: Readonly<Record<string, CertificateEvent>> = {
  found: { kind: 'found', certificate: old },
  remembered: { kind: 'remembered', isRefusal: false, ...failed },
  'remembered refusal': { kind: 'remembered', isRefusal: true, ...failed },
  want: { kind: 'want', directoryUrl: 'ca', renewAt: 600 },
  'want of another CA': { kind: 'want', directoryUrl: 'other', renewAt: 600 },
  unwant: { kind: 'unwant' },
  turn: { kind: 'turn' },
  issued: { kind: 'issued', certificate: held('new'), renewAt: 1_500 },
  failed: { kind: 'failed', failure, retryAt: 700, isRefusal: false },
  refused: { kind: 'failed', failure, retryAt: 700, isRefusal: true },
  time: { kind: 'time' },
  renew: { kind: 'renew' },
  replanned: { kind: 'replanned', renewAt: 300 },
};

/** The name of its sample. */
export function sampleNameOf(state: CertificateState): string {
  const isFailed = state.kind === 'backing-off' || state.kind === 'refused';
  return isFailed && state.certificate ? `${state.kind} (held)` : state.kind;
}
