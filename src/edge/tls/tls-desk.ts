/**
 * Which certificate and which protocol a client gets, by its ClientHello. Owns a worker's certificates, what was loaded
 * of them, and the challenges; the daemon's word alone changes what there is.
 */
import type { SecureContext } from 'node:tls';
import { AcmeChallenges, TLS_CHALLENGE_PROTOCOL } from './acme-challenges.ts';
import { ALERTS, type Alert } from './alert.ts';
import { CertificateTable } from './certificate-table.ts';
import type { ClientHello } from './client-hello.ts';
import type { CertificateChange, EdgeCertificate } from './edge-certificate.ts';
import { SecureContexts } from './secure-contexts.ts';

export type TlsChoice =
  | { readonly kind: 'refused'; readonly alert: Alert }
  | {
      readonly kind: 'chosen';
      /** Null: the client offers none. */
      readonly protocol: string | null;
      /** The one for hosts that have none of their own. */
      readonly isDefault: boolean;
      /** A promise rejects where the certificate's file cannot be used. */
      readonly context: SecureContext | Promise<SecureContext>;
    };

export class TlsDesk {
  readonly challenges: AcmeChallenges;
  readonly #protocols: readonly string[];
  readonly #contexts: SecureContexts;
  #table = new CertificateTable();

  /** `protocols`: what is spoken here, the preferred one first; a client that offers none speaks the last one. */
  constructor(protocols: readonly string[], contextsMax: number, onError: (error: unknown) => void) {
    this.challenges = new AcmeChallenges(onError);
    this.#protocols = protocols;
    this.#contexts = new SecureContexts(contextsMax, onError);
  }

  get contextCount(): number {
    return this.#contexts.size;
  }

  get certificateCount(): number {
    return this.#table.size;
  }

  /** Handshakes from here on are by it; connections keep what they have. */
  apply(change: CertificateChange): void {
    this.#table.apply(change);
    for (const id of change.remove) this.#contexts.drop(id);
  }

  /** Exactly these. */
  replace(certificates: readonly EdgeCertificate[]): void {
    const ids = new Set(certificates.map(({ id }) => id));
    for (const { id } of this.#table.values()) if (!ids.has(id)) this.#contexts.drop(id);
    this.#table = new CertificateTable();
    this.#table.apply({ put: certificates, remove: [] });
  }

  choose({ serverName, protocols: offered }: ClientHello): TlsChoice {
    if (offered.includes(TLS_CHALLENGE_PROTOCOL)) return this.#chooseChallenge(serverName);
    const protocol = this.#protocols.find((name) => offered.includes(name)) ?? null;
    if (protocol === null && offered.length > 0) return refused(ALERTS.noApplicationProtocol);
    const certificate = this.#table.find(serverName);
    if (certificate === null) return refused(ALERTS.unrecognizedName);
    const isDefault = certificate.names.includes('');
    return { kind: 'chosen', protocol, isDefault, context: this.#contexts.get(certificate) };
  }

  #chooseChallenge(host: string | null): TlsChoice {
    const context = this.challenges.context(host);
    if (context === null) return refused(ALERTS.noApplicationProtocol);
    return { kind: 'chosen', protocol: TLS_CHALLENGE_PROTOCOL, isDefault: false, context };
  }
}

function refused(alert: Alert): TlsChoice {
  return { kind: 'refused', alert };
}
