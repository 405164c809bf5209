/**
 * One CA, by its directory URL: what it offers, and our account with it. Owns the account: registered with the first order,
 * once for all that wait for it, and anew when the CA no longer knows it.
 */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { AcmeAccount } from './account-file.ts';
import { readAccount, writeAccount } from './account-file.ts';
import type { AcmeClient, AcmeDirectoryDocument, ExternalAccount } from './acme-client.ts';
import { createAcmeClient } from './acme-client.ts';
import { AcmeProblemError, isRecord } from './acme-problem.ts';
import type { AcmeTransport } from './acme-transport.ts';
import { textField } from './acme-transport.ts';
import { DIRECTORY_MAX_AGE_MS } from './limits.ts';

export interface AuthorityOptions {
  readonly directoryUrl: string;
  readonly transport: AcmeTransport;
  readonly externalAccount: ExternalAccount | null;
  /** Where the CA may write to about expiry and trouble; as it is set now. */
  readonly email: () => string | null;
  /** Where the account is kept. */
  readonly folder: () => Promise<string>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends what is shared between orders. */
  readonly signal: AbortSignal;
}

/** What one order works with. */
export interface AuthorityClient {
  readonly client: AcmeClient;
  readonly account: AcmeAccount;
  /** Of the last answer from this URL. */
  readonly retryAfterMs: (url: string) => number | null;
}

export class Authority {
  readonly #options: AuthorityOptions;
  #directory: { readonly document: AcmeDirectoryDocument; readonly atMs: number } | undefined;
  #account: Promise<AcmeAccount> | undefined;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  get directoryUrl(): string {
    return this.#options.directoryUrl;
  }

  /** With an account that the CA knew when it was last asked. */
  async client(signal: AbortSignal): Promise<AuthorityClient> {
    const account = await this.#current();
    const waits = new Map<string, number | null>();
    const client = await this.#clientOf(account, signal, (url, waitMs) => waits.set(url, waitMs));
    return { client, account, retryAfterMs: (url) => waits.get(url) ?? null };
  }

  /** After the CA has refused this account: with the same key if it may, otherwise with a new one. */
  async renewAccount(refused: AcmeAccount): Promise<void> {
    const current = await this.#current();
    // Another order has done so in the meantime.
    if (current.url !== refused.url || current.keyPem !== refused.keyPem) return;
    this.#account = undefined;
    await this.#remember(async () => {
      await this.#save({ ...refused, url: null });
      return this.#registered();
    });
  }

  /** RFC 9773 §4.1: where to ask when a certificate is to be renewed; null: this CA does not say. */
  async renewalInfoUrl(signal: AbortSignal): Promise<string | null> {
    const { renewalInfo } = await this.#read(signal);
    return typeof renewalInfo === 'string' ? renewalInfo : null;
  }

  async #read(signal: AbortSignal): Promise<AcmeDirectoryDocument> {
    const { transport, directoryUrl, clock } = this.#options;
    const known = this.#directory;
    if (known && clock.monotonic() - known.atMs < DIRECTORY_MAX_AGE_MS) return known.document;
    const { data } = await transport.send({ url: directoryUrl, method: 'GET', signal });
    textField(data, 'newOrder', directoryUrl);
    const document = isRecord(data) ? data : {};
    this.#directory = { document, atMs: clock.monotonic() };
    return document;
  }

  async #current(): Promise<AcmeAccount> {
    const account = await this.#remember(() => this.#registered());
    const email = this.#options.email();
    if (account.email === email) return account;
    this.#account = undefined;
    return this.#remember(() => this.#withEmail(account, email));
  }

  /** One registration for all who ask; one that failed is forgotten. */
  #remember(make: () => Promise<AcmeAccount>): Promise<AcmeAccount> {
    if (this.#account) return this.#account;
    const account = make();
    this.#account = account;
    account.catch(() => {
      if (this.#account === account) this.#account = undefined;
    });
    return account;
  }

  async #registered(): Promise<AcmeAccount> {
    const { directoryUrl, externalAccount, folder } = this.#options;
    const saved = await readAccount(await folder(), directoryUrl);
    const isOurs = saved?.externalKeyId === (externalAccount?.keyId ?? null);
    if (saved?.url && isOurs) return saved;
    if (!saved || !isOurs) return this.#register(await this.#newKey());
    try {
      return await this.#register(saved);
    } catch (error) {
      if (!isAccountRefusal(error)) throw error;
      return this.#register(await this.#newKey());
    }
  }

  async #newKey(): Promise<AcmeAccount> {
    const { crypto } = await import('acme-client');
    const { directoryUrl, externalAccount, email } = this.#options;
    const keyPem = String(await crypto.createPrivateEcdsaKey('P-256'));
    const externalKeyId = externalAccount?.keyId ?? null;
    return { directoryUrl, keyPem, url: null, email: email(), externalKeyId };
  }

  /** The key is on disk before the CA hears of it: an account whose key is lost would stay for ever. */
  async #register(unknown: AcmeAccount): Promise<AcmeAccount> {
    await this.#save(unknown);
    const { signal, email, log, directoryUrl } = this.#options;
    const client = await this.#clientOf(unknown, signal, () => {});
    const address = email();
    await client.createAccount({ termsOfServiceAgreed: true, contact: contactOf(address) });
    log.info('registered with the CA', { directory: directoryUrl, email: address ?? undefined });
    return this.#save({ ...unknown, url: client.getAccountUrl(), email: address });
  }

  async #withEmail(account: AcmeAccount, email: string | null): Promise<AcmeAccount> {
    const client = await this.#clientOf(account, this.#options.signal, () => {});
    await client.updateAccount({ contact: contactOf(email) });
    return this.#save({ ...account, email });
  }

  async #save(account: AcmeAccount): Promise<AcmeAccount> {
    await writeAccount(await this.#options.folder(), account);
    return account;
  }

  async #clientOf(
    { keyPem, url }: AcmeAccount,
    signal: AbortSignal,
    onRetryAfter: (url: string, waitMs: number | null) => void,
  ): Promise<AcmeClient> {
    const { directoryUrl, transport, externalAccount } = this.#options;
    return createAcmeClient({
      directoryUrl,
      directory: await this.#read(signal),
      transport,
      accountKeyPem: keyPem,
      accountUrl: url,
      externalAccount,
      signal,
      onRetryAfter,
    });
  }
}

/** The CA does not know the account, or no longer wants it. An order's own refusal may look the same. */
export function isAccountRefusal(error: unknown): boolean {
  return error instanceof AcmeProblemError && ['accountDoesNotExist', 'unauthorized'].includes(error.type);
}

function contactOf(email: string | null): string[] {
  return email === null ? [] : [`mailto:${email}`];
}
