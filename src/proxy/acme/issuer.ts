/**
 * Obtains certificates: chooses the CA and the kind of challenge, orders, and puts what comes on disk. Owns one `Authority`
 * per directory URL.
 */
import type { Clock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { CertificateFiles, HeldCertificate } from '../certificates/certificate-files.ts';
import type { CertificateOrigin } from '../certificates/certificate-text.ts';
import type { ExternalAccount } from './acme-client.ts';
import { readFailure } from './acme-problem.ts';
import type { AcmeTransport } from './acme-transport.ts';
import { Authority, isAccountRefusal } from './authority.ts';
import { challengesToTry } from './challenge-choice.ts';
import type { ChallengeKind, Solvers } from './challenges/solver.ts';
import { ORDER_TIMEOUT_MS } from './limits.ts';
import type { Obtained, OrderRequest } from './order.ts';
import { ChallengeFailedError, obtainCertificate } from './order.ts';
import type { RenewalInfo } from './renewal-info.ts';
import { askRenewalInfo, renewalCertificateId } from './renewal-info.ts';

export interface IssuerOptions {
  readonly transport: AcmeTransport;
  readonly files: CertificateFiles;
  readonly solvers: Solvers;
  readonly externalAccount: ExternalAccount | null;
  readonly email: () => string | null;
  /** A person's word; null: whatever works. */
  readonly challenge: ChallengeKind | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Issue {
  readonly name: string;
  readonly directoryUrl: string;
  readonly isOnDemand: boolean;
  /** What is to be replaced. */
  readonly held: HeldCertificate | null;
  /** Failures in a row before. */
  readonly failures: number;
  readonly signal: AbortSignal;
}

export class Issuer {
  readonly #options: IssuerOptions;
  readonly #authorities = new Map<string, Authority>();
  readonly #closing = new AbortController();

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  /** Rejects with why there is none; then nothing has changed. */
  async issue(issue: Issue): Promise<HeldCertificate> {
    const { clock, files } = this.#options;
    const deadline = new AbortController();
    const timer = clock.after(ORDER_TIMEOUT_MS, () => deadline.abort(tookTooLong(issue.name)));
    try {
      const signal = AbortSignal.any([issue.signal, deadline.signal, this.#closing.signal]);
      const { challenge, ...obtained } = await this.#byAnyChallenge({ ...issue, signal });
      const { name, directoryUrl, isOnDemand } = issue;
      const held = await files.put({ origin: { name, directoryUrl, challenge, isOnDemand }, ...obtained });
      if (held.names.includes(name)) return held;
      await files.remove(held);
      throw isForOthers(held);
    } finally {
      timer.cancel();
    }
  }

  /** Null: this CA, or this certificate, knows no such thing. */
  async renewalInfo(held: HeldCertificate): Promise<RenewalInfo | null> {
    const { signal } = this.#closing;
    const url = await this.#authority(held.directoryUrl).renewalInfoUrl(signal);
    const id = url === null ? null : await this.#renewalId(held);
    return url === null || id === null ? null : askRenewalInfo(this.#options.transport, url, id, signal);
  }

  close(): void {
    this.#closing.abort(new LumaError('acme_closing', 'this luma-proxy is going'));
  }

  async #byAnyChallenge(issue: Issue): Promise<Obtained & Pick<CertificateOrigin, 'challenge'>> {
    const said: ChallengeFailedError[] = [];
    for (const challenge of this.#challengesOf(issue)) {
      try {
        return { challenge, ...(await this.#order(issue, challenge)) };
      } catch (error) {
        const isWorthAnother = error instanceof ChallengeFailedError && readFailure(error).grade === 'failed';
        if (!isWorthAnother) throw error;
        said.push(error);
      }
    }
    throw together(said);
  }

  #challengesOf({ name, held, failures }: Issue): readonly ChallengeKind[] {
    const { challenge: forced, solvers } = this.#options;
    const hasDnsProvider = solvers['dns-01'] !== undefined;
    return challengesToTry({ name, forced, hasDnsProvider, worked: held?.challenge ?? null, failures });
  }

  /** Once more when the CA no longer knows our account. */
  async #order(issue: Issue, challenge: ChallengeKind): Promise<Obtained> {
    const { signal, name } = issue;
    const authority = this.#authority(issue.directoryUrl);
    const replaces = await this.#replaced(issue, authority);
    const request: OrderRequest = { name, challenge, replaces, signal };
    const first = await authority.client(signal);
    try {
      return await obtainCertificate(first, request, this.#options);
    } catch (error) {
      if (error instanceof ChallengeFailedError || !isAccountRefusal(error)) throw error;
      await authority.renewAccount(first.account);
      return obtainCertificate(await authority.client(signal), request, this.#options);
    }
  }

  async #replaced({ held, directoryUrl, signal }: Issue, authority: Authority): Promise<string | null> {
    if (held?.directoryUrl !== directoryUrl) return null;
    return (await authority.renewalInfoUrl(signal)) === null ? null : this.#renewalId(held);
  }

  async #renewalId(held: HeldCertificate): Promise<string | null> {
    const pem = await this.#options.files.leafOf(held);
    return pem === null ? null : renewalCertificateId(pem);
  }

  #authority(directoryUrl: string): Authority {
    const known = this.#authorities.get(directoryUrl);
    if (known) return known;
    const { files } = this.#options;
    const folder = (): Promise<string> => files.folderOf(directoryUrl);
    const authority = new Authority({ ...this.#options, directoryUrl, folder, signal: this.#closing.signal });
    this.#authorities.set(directoryUrl, authority);
    return authority;
  }
}

/** What each kind of challenge met, under the code of the first. */
function together(said: readonly ChallengeFailedError[]): Error {
  const [first] = said;
  if (!first) throw new Error('no kind of challenge was tried');
  if (said.length === 1) return first;
  const texts = said.map(({ message }) => message.replace(/^the CA says: /, ''));
  return new ChallengeFailedError(first.type, texts.join('; '), null);
}

function tookTooLong(name: string): LumaError {
  const minutes = ORDER_TIMEOUT_MS / 60_000;
  return new LumaError('acme_timeout', `the CA has not signed ${name} after ${minutes} minutes`);
}

function isForOthers({ name, names }: HeldCertificate): LumaError {
  return new LumaError('acme_protocol', `the CA signed ${names.join(', ') || 'no name'} instead of ${name}`);
}
