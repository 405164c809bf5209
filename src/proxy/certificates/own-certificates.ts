/**
 * Certificates that people brought: one file for each different one, named by what is in it, under the state directory.
 * Read from the person's files at deploy and checked, so nothing that happens there later changes what is served. Owns
 * those files and what is published of them: each for exactly the hosts of the services that name it.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { readKeyAndChain } from './certificate-text.ts';
import type { CertificatePublisher, StoredCertificate } from './contract.ts';
import { type CertificatePaths, type OwnCertificate, readCertificate } from './own-certificate.ts';

/** Which services name which certificate, by host. */
export type OwnCertificateUse = readonly { readonly id: string; readonly hosts: readonly string[] }[];

export interface OwnCertificatesParts {
  readonly stateDir: string;
  readonly publisher: CertificatePublisher;
  /** Of all services as they are now. */
  readonly use: () => OwnCertificateUse;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** For who names no host, or one that nobody has a certificate for. */
const DEFAULT_ID = 'own/default';
const DEFAULT_NAMES = [''];

type Facts = Pick<StoredCertificate, 'id' | 'file' | 'notBefore' | 'notAfter'> &
  Pick<OwnCertificate, 'issuer'>;

export class OwnCertificates {
  readonly #parts: OwnCertificatesParts;
  readonly #dir: string;
  readonly #known = new Map<string, Facts>();
  /** As workers were told last. */
  readonly #published = new Map<string, readonly string[]>();
  /** Hosts of deploys under way: no service names the certificate yet. */
  readonly #pinned = new Map<string, (readonly string[])[]>();

  constructor(parts: OwnCertificatesParts) {
    this.#parts = parts;
    this.#dir = join(parts.stateDir, 'certs', 'own');
  }

  /** Those that services name, from the disk; one that is gone is said, and the others serve. */
  async load(): Promise<void> {
    for (const id of new Set(this.#parts.use().map((use) => use.id))) {
      const file = join(this.#dir, `${basename(id)}.pem`);
      try {
        const { notBefore, notAfter, issuer } = readKeyAndChain(await readFile(file, 'utf8'));
        this.#known.set(id, { id, file, notBefore, notAfter, issuer });
      } catch (error) {
        const message = `the certificate ${file} cannot be used: deploy its service again with --tls-certificate-path`;
        this.#parts.log.error(message, { why: messageOf(error) });
      }
    }
    await this.settle();
  }

  /** The id for the service, once every worker would show it. Kept until `unpin`. Rejects as `readCertificate` does. */
  async take(paths: CertificatePaths, hosts: readonly string[]): Promise<string> {
    const { text, notBefore, notAfter, issuer } = await readCertificate(paths, hosts, this.#parts.nowMs());
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
    const id = `own/${hash}`;
    this.#pinned.set(id, [...(this.#pinned.get(id) ?? []), hosts]);
    this.#known.set(id, { id, file: await this.#write(hash, text), notBefore, notAfter, issuer });
    await this.#publish();
    return id;
  }

  /** What is known of it; undefined: it is gone. */
  find(id: string): Readonly<Facts> | undefined {
    return this.#known.get(id);
  }

  unpin(id: string, hosts: readonly string[]): void {
    const left = (this.#pinned.get(id) ?? []).filter((pinned) => pinned !== hosts);
    if (left.length > 0) this.#pinned.set(id, left);
    else this.#pinned.delete(id);
  }

  /** Shown to whom no other certificate is for; checked anew with every start. */
  async showByDefault(paths: CertificatePaths): Promise<void> {
    const { text, notBefore, notAfter } = await readCertificate(paths, [], this.#parts.nowMs());
    const file = await this.#write(basename(DEFAULT_ID), text);
    const certificate = { id: DEFAULT_ID, file, notBefore, notAfter, names: DEFAULT_NAMES };
    await this.#parts.publisher.publish({ put: [certificate], remove: [] });
  }

  /** Publishes what services name now, and removes the files of the rest. */
  async settle(): Promise<void> {
    await this.#publish();
    const kept = new Set([DEFAULT_ID, ...this.#wanted().keys()].map((id) => `${basename(id)}.pem`));
    for (const name of await readdir(this.#dir).catch(() => [])) {
      if (!kept.has(name) && name.endsWith('.pem')) await rm(join(this.#dir, name), { force: true });
    }
    for (const id of this.#known.keys()) if (!kept.has(`${basename(id)}.pem`)) this.#known.delete(id);
  }

  #wanted(): ReadonlyMap<string, ReadonlySet<string>> {
    const wanted = new Map<string, Set<string>>();
    const add = (id: string, hosts: readonly string[]): void =>
      void wanted.set(id, new Set([...(wanted.get(id) ?? []), ...hosts]));
    for (const { id, hosts } of this.#parts.use()) add(id, hosts);
    for (const [id, pins] of this.#pinned) for (const hosts of pins) add(id, hosts);
    return wanted;
  }

  async #publish(): Promise<void> {
    const wanted = this.#wanted();
    const put: StoredCertificate[] = [];
    for (const [id, hosts] of wanted) {
      const facts = this.#known.get(id);
      const names = [...hosts].sort();
      if (facts === undefined || names.join(' ') === this.#published.get(id)?.join(' ')) continue;
      this.#published.set(id, names);
      const { file, notBefore, notAfter } = facts;
      put.push({ id, file, notBefore, notAfter, names, isOwn: true });
    }
    const remove = [...this.#published.keys()].filter((id) => !wanted.has(id));
    for (const id of remove) this.#published.delete(id);
    if (put.length + remove.length > 0) await this.#parts.publisher.publish({ put, remove });
  }

  async #write(name: string, text: string): Promise<string> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    for (const dir of [join(this.#dir, '..'), this.#dir]) await chmod(dir, 0o700);
    const file = join(this.#dir, `${name}.pem`);
    await writeFileAtomic(file, text);
    return file;
  }
}
