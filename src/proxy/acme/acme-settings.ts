/** What `luma-proxy run` is told about automatic certificates. */
import type { ExternalAccount } from './acme-client.ts';
import type { ChallengeKind } from './challenges/solver.ts';

export interface AcmeSettings {
  readonly directoryUrl: string;
  /** Of services with `--tls-staging`. */
  readonly stagingDirectoryUrl: string;
  /** PEM of what signs the CA's own certificate; null: what the system trusts. */
  readonly caPem: string | null;
  readonly externalAccount: ExternalAccount | null;
  /** A person's word; null: whatever works. */
  readonly challenge: ChallengeKind | null;
  readonly dns: DnsSettings | null;
  /** Where no global option names another. */
  readonly email: string | null;
}

export interface DnsSettings {
  readonly provider: 'cloudflare';
  readonly token: string;
  readonly apiUrl: string;
  /** Asked whether a record is there; none: the domain's own name servers. */
  readonly resolvers: readonly string[];
}

export const LETS_ENCRYPT_URL = 'https://acme-v02.api.letsencrypt.org/directory';
export const LETS_ENCRYPT_STAGING_URL = 'https://acme-staging-v02.api.letsencrypt.org/directory';
export const CLOUDFLARE_API_URL = 'https://api.cloudflare.com/client/v4';
