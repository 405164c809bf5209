/**
 * Files that deploys bring: error pages and certificates. Taken in before the deploy, whole and checked; what nobody
 * names afterwards goes again, also that of a deploy that was refused. Owns no file: its stores do.
 */
import type { OwnCertificates } from '../certificates/own-certificates.ts';
import type { ReadDeploy } from '../client/command-schema.ts';
import type { ErrorPageStore } from './error-page-store.ts';

/** As the deployment names them. */
export interface BroughtFiles {
  readonly errorPages: string | null;
  readonly ownCertificateId: string | null;
}

export interface FileIntakeParts {
  readonly errorPages: ErrorPageStore;
  readonly ownCertificates: OwnCertificates;
  /** Files of error pages that services name now. */
  readonly errorPagesInUse: () => ReadonlySet<string>;
}

type Wanted = Pick<ReadDeploy, 'error_pages' | 'hosts' | 'tls'>;

export class FileIntake {
  readonly #parts: FileIntakeParts;

  constructor(parts: FileIntakeParts) {
    this.#parts = parts;
  }

  /** Rejects with what is wrong with a file, before `deploy` is asked. */
  async with<T>(wanted: Wanted, deploy: (files: BroughtFiles) => Promise<T>): Promise<T> {
    const { errorPages: pages, ownCertificates } = this.#parts;
    const errorPages = wanted.error_pages === null ? null : await pages.take(wanted.error_pages);
    let ownCertificateId: string | null = null;
    try {
      ownCertificateId = await this.#takeCertificate(wanted);
      return await deploy({ errorPages, ownCertificateId });
    } finally {
      if (errorPages !== null) pages.unpin(errorPages);
      if (ownCertificateId !== null) ownCertificates.unpin(ownCertificateId, wanted.hosts);
      await this.settle();
    }
  }

  /** After any change of what services name. */
  async settle(): Promise<void> {
    const { errorPages, ownCertificates, errorPagesInUse } = this.#parts;
    await errorPages.keepOnly(errorPagesInUse());
    await ownCertificates.settle();
  }

  async #takeCertificate({ tls, hosts }: Wanted): Promise<string | null> {
    const own = tls?.own_certificate;
    if (!own) return null;
    const { certificate_path: certificatePath, private_key_path: privateKeyPath } = own;
    return this.#parts.ownCertificates.take({ certificatePath, privateKeyPath }, hosts);
  }
}
