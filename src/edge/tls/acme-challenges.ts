/** Answers to what certificate authorities ask, as the daemon publishes them. A worker's copy; the daemon alone changes it. */
import type { SecureContext } from 'node:tls';
import type { AcmeChallenge } from './edge-certificate.ts';
import { secureContextOf } from './secure-contexts.ts';

/** RFC 8555 §8.3. */
export const HTTP_CHALLENGE_PATH = '/.well-known/acme-challenge/';
/** RFC 8737 §3. */
export const TLS_CHALLENGE_PROTOCOL = 'acme-tls/1';

export class AcmeChallenges {
  /** By host and token: several orders may be under way for one host. */
  readonly #http = new Map<string, string>();
  readonly #tls = new Map<string, Extract<AcmeChallenge, { kind: 'tls-alpn-01' }>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#http.size + this.#tls.size;
  }

  put(challenge: AcmeChallenge): void {
    if (challenge.kind === 'http-01') {
      this.#http.set(httpKey(challenge.host, challenge.token), challenge.keyAuthorization);
      return;
    }
    this.#tls.set(challenge.host, challenge);
  }

  withdraw(challenge: AcmeChallenge): void {
    if (challenge.kind === 'http-01') this.#http.delete(httpKey(challenge.host, challenge.token));
    // A later one for the same host stays.
    else if (this.#tls.get(challenge.host)?.certificatePem === challenge.certificatePem)
      this.#tls.delete(challenge.host);
  }

  /** Exactly these. */
  replace(challenges: readonly AcmeChallenge[]): void {
    this.#http.clear();
    this.#tls.clear();
    for (const challenge of challenges) this.put(challenge);
  }

  /** What the authority wants to read at `HTTP_CHALLENGE_PATH` and the token; null: nobody knows of it. */
  keyAuthorization(host: string, token: string): string | null {
    return this.#http.get(httpKey(host, token)) ?? null;
  }

  /** Made when it is asked for, which is a few times for each; null: nobody knows of it, or TLS cannot use it. */
  context(host: string | null): SecureContext | null {
    const challenge = host === null ? undefined : this.#tls.get(host);
    if (challenge === undefined) return null;
    try {
      return secureContextOf(challenge.certificatePem, challenge.privateKeyPem);
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }
}

function httpKey(host: string, token: string): string {
  return `${host} ${token}`;
}
