/**
 * What becomes of one name's certificate, as data: the states, the events, and `next`. Pure; the manager owns a state per
 * name. Who has a certificate keeps it in every state: nothing the CA does takes one away.
 */

import type { HeldCertificate } from '../certificates/certificate-files.ts';

export interface OrderFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  /** When it happened. */
  readonly at: number;
}

export type CertificateState =
  /** Nobody wants it, and there is none. */
  | { readonly kind: 'gone' }
  /** Waits for its turn to be ordered. */
  | { readonly kind: 'wanted'; readonly failures: number }
  | { readonly kind: 'ordering'; readonly failures: number }
  | { readonly kind: 'valid'; readonly certificate: HeldCertificate; readonly renewAt: number }
  /** Waits for its turn to be renewed. */
  | { readonly kind: 'due'; readonly certificate: HeldCertificate; readonly failures: number }
  | { readonly kind: 'renewing'; readonly certificate: HeldCertificate; readonly failures: number }
  /** The last order failed; the next one may work. */
  | ({ readonly kind: 'backing-off' } & FailedOrder)
  /** The CA will not sign this name: only rarely tried again. */
  | ({ readonly kind: 'refused' } & FailedOrder)
  /** Nobody wants it any more: it is not renewed, and goes when it expires. */
  | { readonly kind: 'retired'; readonly certificate: HeldCertificate };

interface FailedOrder {
  readonly certificate: HeldCertificate | null;
  readonly failures: number;
  readonly failure: OrderFailure;
  readonly retryAt: number;
}

export type CertificateEvent =
  /** On disk when the daemon began. */
  | { readonly kind: 'found'; readonly certificate: HeldCertificate }
  /** Failed under an earlier daemon, not yet to be tried again. */
  | ({ readonly kind: 'remembered'; readonly isRefusal: boolean } & Omit<FailedOrder, 'certificate'>)
  /** A service wants it of this CA; what is held is to be renewed then. */
  | { readonly kind: 'want'; readonly directoryUrl: string; readonly renewAt: number }
  | { readonly kind: 'unwant' }
  /** Its turn to be ordered. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'issued'; readonly certificate: HeldCertificate; readonly renewAt: number }
  | {
      readonly kind: 'failed';
      readonly failure: OrderFailure;
      readonly retryAt: number;
      readonly isRefusal: boolean;
    }
  /** The time its state waits for has come. */
  | { readonly kind: 'time' }
  /** A person's word: now. */
  | { readonly kind: 'renew' }
  /** The CA would rather have it renewed then. */
  | { readonly kind: 'replanned'; readonly renewAt: number };

export const startState: CertificateState = { kind: 'gone' };

/** The same state: the event means nothing there. */
export function nextCertificateState(state: CertificateState, event: CertificateEvent): CertificateState {
  switch (event.kind) {
    case 'found':
      return state.kind === 'gone' ? { kind: 'retired', certificate: event.certificate } : state;
    case 'remembered':
      return remembered(state, event);
    case 'want':
      return wanted(state, event);
    case 'unwant':
      return unwanted(state);
    case 'turn':
      return begun(state);
    case 'issued':
      return isOrdering(state)
        ? { kind: 'valid', certificate: event.certificate, renewAt: event.renewAt }
        : state;
    case 'failed':
      return failed(state, event);
    case 'time':
      return timeCame(state);
    case 'renew':
      return renewed(state);
    case 'replanned':
      return state.kind === 'valid' ? { ...state, renewAt: event.renewAt } : state;
  }
}

/** Whether an order for it is under way. */
export function isOrdering(state: CertificateState): boolean {
  return state.kind === 'ordering' || state.kind === 'renewing';
}

/** Whether it stands in the queue of those to be ordered. */
export function isWaitingForTurn(state: CertificateState): boolean {
  return state.kind === 'wanted' || state.kind === 'due';
}

/** The instant at which `time` is to come; null: nothing is waited for. */
export function timeOf(state: CertificateState): number | null {
  switch (state.kind) {
    case 'valid':
      return state.renewAt;
    case 'backing-off':
    case 'refused':
      return state.retryAt;
    case 'retired':
      return state.certificate.notAfter;
    default:
      return null;
  }
}

export function certificateOf(state: CertificateState): HeldCertificate | null {
  return 'certificate' in state ? state.certificate : null;
}

function remembered(
  state: CertificateState,
  { isRefusal, failures, failure, retryAt }: CertificateEvent & { readonly kind: 'remembered' },
): CertificateState {
  const kind = isRefusal ? 'refused' : 'backing-off';
  if (state.kind === 'wanted') return { kind, certificate: null, failures, failure, retryAt };
  if (state.kind !== 'due') return state;
  return { kind, certificate: state.certificate, failures, failure, retryAt };
}

/** What another CA signed serves on until there is one of the right CA. */
function wanted(
  state: CertificateState,
  { directoryUrl, renewAt }: CertificateEvent & { readonly kind: 'want' },
): CertificateState {
  switch (state.kind) {
    case 'gone':
      return { kind: 'wanted', failures: 0 };
    case 'retired': {
      const { certificate } = state;
      const isOfThisCa = certificate.directoryUrl === directoryUrl;
      return isOfThisCa ? { kind: 'valid', certificate, renewAt } : { kind: 'due', certificate, failures: 0 };
    }
    case 'valid':
      if (state.certificate.directoryUrl === directoryUrl) return state;
      return { kind: 'due', certificate: state.certificate, failures: 0 };
    default:
      return state;
  }
}

function unwanted(state: CertificateState): CertificateState {
  if (state.kind === 'retired') return state;
  const certificate = certificateOf(state);
  return certificate === null ? startState : { kind: 'retired', certificate };
}

function begun(state: CertificateState): CertificateState {
  if (state.kind === 'wanted') return { kind: 'ordering', failures: state.failures };
  if (state.kind !== 'due') return state;
  return { kind: 'renewing', certificate: state.certificate, failures: state.failures };
}

function failed(
  state: CertificateState,
  { failure, retryAt, isRefusal }: CertificateEvent & { readonly kind: 'failed' },
): CertificateState {
  if (state.kind !== 'ordering' && state.kind !== 'renewing') return state;
  const kind = isRefusal ? 'refused' : 'backing-off';
  return { kind, certificate: certificateOf(state), failures: state.failures + 1, failure, retryAt };
}

function timeCame(state: CertificateState): CertificateState {
  switch (state.kind) {
    case 'valid':
      return { kind: 'due', certificate: state.certificate, failures: 0 };
    case 'backing-off':
    case 'refused':
      return inQueue(state.certificate, state.failures);
    case 'retired':
      return startState;
    default:
      return state;
  }
}

/** A person has changed something: the failures before that count no longer. */
function renewed(state: CertificateState): CertificateState {
  switch (state.kind) {
    case 'valid':
    case 'backing-off':
    case 'refused':
      return inQueue(state.certificate, 0);
    default:
      return state;
  }
}

function inQueue(certificate: HeldCertificate | null, failures: number): CertificateState {
  return certificate === null ? { kind: 'wanted', failures } : { kind: 'due', certificate, failures };
}

export function isFailed(
  state: CertificateState,
): state is CertificateState & { readonly kind: 'backing-off' | 'refused' } {
  return state.kind === 'backing-off' || state.kind === 'refused';
}
