/** What a worker is told of certificates. Plain data: it crosses the worker protocol as JSON. */

export interface EdgeCertificate {
  readonly id: string;
  /** Lower case. `*.example.com` is one level; `''`: for who names no host, or one that no other is for. */
  readonly names: readonly string[];
  /** PEM, private key first, then the chain; read at the first handshake that asks for it. */
  readonly file: string;
  /** Milliseconds since the epoch: of several for one name the newest is shown. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** A person's own: before all others for the same name. */
  readonly isOwn?: boolean | undefined;
}

export interface CertificateChange {
  readonly put: readonly EdgeCertificate[];
  /** Ids. */
  readonly remove: readonly string[];
}

/** What a certificate authority asks for, to see that a host is ours (RFC 8555 §8.3, RFC 8737). */
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
