/**
 * The acme-client package as Luma uses it: its messages and signatures over our own transport, our own reading of the
 * directory. Loaded with the first order: it takes 50 MB that a daemon without automatic certificates does not need.
 */
import type { Client } from 'acme-client';
import { assert } from '../../base/errors.ts';
import type { AcmeTransport } from './acme-transport.ts';
import { NONCE_RETRIES_MAX } from './limits.ts';

export type AcmeClient = Client;

export interface ExternalAccount {
  readonly keyId: string;
  /** As the CA gives it: base64url. */
  readonly hmacKey: string;
}

/** RFC 8555 §7.1.1, and `renewalInfo` of RFC 9773. */
export type AcmeDirectoryDocument = Readonly<Record<string, unknown>>;

export interface AcmeClientOptions {
  readonly directoryUrl: string;
  readonly directory: AcmeDirectoryDocument;
  readonly transport: AcmeTransport;
  readonly accountKeyPem: string;
  readonly accountUrl: string | null;
  readonly externalAccount: ExternalAccount | null;
  /** Ends every request. */
  readonly signal: AbortSignal;
  /** Hears the Retry-After of answers that are no refusal, by URL. */
  readonly onRetryAfter: (url: string, waitMs: number | null) => void;
}

/** Of the package's inside: the one object that all its requests go through. */
interface AcmeHttp {
  request(url: string, method: string, options?: AcmeHttpOptions): Promise<unknown>;
  getDirectory(): Promise<AcmeDirectoryDocument>;
  maxBadNonceRetries: number;
}

interface AcmeHttpOptions {
  readonly data?: unknown;
}

export async function createAcmeClient(options: AcmeClientOptions): Promise<AcmeClient> {
  const { Client } = await import('acme-client');
  const { directoryUrl, accountKeyPem, accountUrl, externalAccount } = options;
  const client = new Client({
    directoryUrl,
    accountKey: accountKeyPem,
    ...(accountUrl === null ? {} : { accountUrl }),
    ...(externalAccount === null
      ? {}
      : { externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey } }),
  });
  overOurTransport(client, options);
  return client;
}

function overOurTransport(
  client: Client,
  { directory, transport, signal, onRetryAfter }: AcmeClientOptions,
): void {
  const { http } = client as unknown as { readonly http: AcmeHttp | undefined };
  assert(
    typeof http?.request === 'function' && typeof http.getDirectory === 'function',
    'acme-client has other insides than the version that Luma is built with',
  );
  http.maxBadNonceRetries = NONCE_RETRIES_MAX;
  http.getDirectory = async () => directory;
  http.request = async (url, method, { data } = {}) => {
    const headers = { 'content-type': 'application/jose+json' };
    const body = data === undefined ? undefined : JSON.stringify(data);
    const answer = await transport.send({ url, method, body, headers, signal });
    onRetryAfter(url, answer.retryAfterMs);
    return answer;
  };
}
