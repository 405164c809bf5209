/**
 * What the workers serve by, kept in step with the states: changes of one turn go out together, one after the other, and a
 * file goes only when no worker needs it. Owned by the manager.
 */
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { CertificateFiles, HeldCertificate } from '../certificates/certificate-files.ts';
import type { CertificatePublisher } from '../certificates/contract.ts';

export class Publications {
  readonly #publisher: CertificatePublisher;
  readonly #files: Pick<CertificateFiles, 'remove'>;
  readonly #log: Log;
  readonly #put = new Map<string, HeldCertificate>();
  readonly #remove = new Set<string>();
  readonly #published = new Set<string>();
  #obsolete: HeldCertificate[] = [];
  #flushing: Promise<void> | undefined;

  constructor(publisher: CertificatePublisher, files: Pick<CertificateFiles, 'remove'>, log: Log) {
    this.#publisher = publisher;
    this.#files = files;
    this.#log = log;
  }

  put(certificate: HeldCertificate): void {
    this.#remove.delete(certificate.id);
    if (!this.#published.has(certificate.id)) this.#put.set(certificate.id, certificate);
    this.#begin();
  }

  /** From the workers; it stays on disk. */
  withdraw({ id }: HeldCertificate): void {
    this.#put.delete(id);
    if (this.#published.has(id)) this.#remove.add(id);
    this.#begin();
  }

  /** From the workers, then from the disk. */
  discard(certificate: HeldCertificate): void {
    this.withdraw(certificate);
    this.#obsolete.push(certificate);
  }

  /** Resolves when every worker serves by what has been said up to now. */
  settled(): Promise<void> {
    return this.#flushing ?? Promise.resolve();
  }

  #begin(): void {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
    });
  }

  async #flushAll(): Promise<void> {
    // What else this turn has to say goes with it.
    await Promise.resolve();
    while (this.#put.size + this.#remove.size + this.#obsolete.length > 0) await this.#flush();
  }

  async #flush(): Promise<void> {
    const put = [...this.#put.values()];
    const remove = [...this.#remove];
    const obsolete = this.#obsolete.splice(0);
    this.#put.clear();
    this.#remove.clear();
    for (const { id } of put) this.#published.add(id);
    for (const id of remove) this.#published.delete(id);
    try {
      if (put.length + remove.length > 0) await this.#publisher.publish({ put, remove });
      for (const certificate of obsolete) await this.#files.remove(certificate);
    } catch (error) {
      // Workers that come later get the whole table, and a file that stays is found again by the next daemon.
      this.#log.error('certificates could not be published', { why: messageOf(error) });
    }
  }
}
