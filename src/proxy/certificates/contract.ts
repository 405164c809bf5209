// What the daemon's parts say to each other about certificates: who obtains them (ACME, a person's files) publishes
// here, and the workers serve by it. A publication is a fact for every worker before its promise resolves.

/** A certificate as it lies under `<state-dir>/certs`, 0600. */
export interface StoredCertificate {
  readonly id: string;
  /** DNS names it is good for: `a.example`, `*.example`. */
  readonly names: readonly string[];
  /** PEM: private key, then the chain. */
  readonly file: string;
  /** Milliseconds since the epoch, as every instant here. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export type AcmeChallenge =
  | {
      readonly kind: 'http-01';
      readonly host: string;
      readonly token: string;
      readonly keyAuthorization: string;
    }
  | {
      readonly kind: 'tls-alpn-01';
      readonly host: string;
      readonly certificatePem: string;
      readonly privateKeyPem: string;
    };

export interface CertificateChange {
  readonly put: readonly StoredCertificate[];
  /** Ids. */
  readonly remove: readonly string[];
}

export interface CertificatePublisher {
  /** Resolves when every worker, draining ones too, serves by it. */
  publish(change: CertificateChange): Promise<void>;
  /** Resolves when every worker, draining ones too, would answer it. */
  publishChallenge(challenge: AcmeChallenge): Promise<void>;
  withdrawChallenge(challenge: AcmeChallenge): Promise<void>;
}
