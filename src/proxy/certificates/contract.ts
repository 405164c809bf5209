// What the daemon's parts say to each other about certificates: who obtains them (ACME, a person's files) publishes
// here, and the workers serve by it. A publication is a fact for every worker before its promise resolves.
import type { AcmeChallenge, CertificateChange, EdgeCertificate } from '../../edge/index.ts';

/** A certificate as it lies under `<state-dir>/certs`, 0600. */
export type StoredCertificate = EdgeCertificate;

export type { AcmeChallenge, CertificateChange };

export interface CertificatePublisher {
  /** Resolves when every worker, draining ones too, serves by it. */
  publish(change: CertificateChange): Promise<void>;
  /** Resolves when every worker, draining ones too, would answer it. */
  publishChallenge(challenge: AcmeChallenge): Promise<void>;
  withdrawChallenge(challenge: AcmeChallenge): Promise<void>;
}
