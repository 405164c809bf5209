/**
 * Automatic certificates on disk: `<state-dir>/certs/acme/<ca>/<name>~<id>.pem`, 0600 in directories 0700. Every issue is a
 * file of its own that is never written again: who still reads the former one reads it whole. Owned by the daemon.
 */
import { chmod, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removeAsideFiles, writeFileAtomic } from '../../base/atomic-file.ts';
import { isLumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { randomId } from '../../base/random-id.ts';
import { CERTIFICATE_FILE_BYTES_MAX } from '../acme/limits.ts';
import type { CertificateFacts, CertificateOrigin } from './certificate-text.ts';
import { certificateText, leafPemOf, readCertificateText, readChain } from './certificate-text.ts';
import type { StoredCertificate } from './contract.ts';

/** A certificate that is on disk, and how it came there. */
export type HeldCertificate = StoredCertificate & CertificateFacts & CertificateOrigin;

export interface IssuedCertificate {
  readonly origin: CertificateOrigin;
  readonly keyPem: string;
  readonly chainPem: string;
}

export class CertificateFiles {
  readonly #folder: string;
  readonly #log: Log;

  constructor(stateDir: string, log: Log) {
    this.#folder = join(stateDir, 'certs', 'acme');
    this.#log = log;
  }

  /** Of one CA, made where it is missing. */
  async folderOf(directoryUrl: string): Promise<string> {
    const folder = join(this.#folder, folderName(directoryUrl));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const path of [join(this.#folder, '..'), this.#folder, folder]) await chmod(path, 0o700);
    return folder;
  }

  /** Resolves when it would survive a power cut. Rejects with `certificate_unreadable` where key and chain do not fit. */
  async put({ origin, keyPem, chainPem }: IssuedCertificate): Promise<HeldCertificate> {
    const facts = readChain(chainPem, keyPem);
    const folder = await this.folderOf(origin.directoryUrl);
    const file = join(folder, `${fileNameOf(origin.name)}~${randomId(8)}.pem`);
    await writeFileAtomic(file, certificateText(origin, keyPem, chainPem));
    return { ...origin, ...facts, file, id: idOf(file) };
  }

  async remove({ file }: HeldCertificate): Promise<void> {
    await rm(file, { force: true });
  }

  /** Its own certificate as PEM, without key and chain; null: the file is gone or spoilt. */
  async leafOf({ file }: HeldCertificate): Promise<string | null> {
    try {
      return leafPemOf(await readFile(file, 'utf8'));
    } catch (error) {
      this.#log.error(`${file} cannot be read`, { why: messageOf(error) });
      return null;
    }
  }

  /** The newest of each name; older ones, which a crash left, go. What cannot be read is said, and kept. */
  async load(): Promise<readonly HeldCertificate[]> {
    const newest = new Map<string, HeldCertificate>();
    for (const file of await this.#files()) {
      const held = await this.#read(file);
      if (!held) continue;
      const other = newest.get(held.name);
      const isNewer = !other || other.notBefore < held.notBefore;
      if (isNewer) newest.set(held.name, held);
      const older = isNewer ? other : held;
      if (older) await this.remove(older);
    }
    return [...newest.values()];
  }

  async #files(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const folder of await entriesOf(this.#folder)) {
      for (const file of await entriesOf(folder)) {
        if (file.endsWith('.pem') && !basename(file).startsWith('.')) found.push(file);
        else if (basename(file).startsWith('.')) await removeAsideOf(file);
      }
    }
    return found.sort();
  }

  async #read(file: string): Promise<HeldCertificate | null> {
    try {
      const { size } = await stat(file);
      if (size > CERTIFICATE_FILE_BYTES_MAX) throw new Error(`it has ${size} bytes`);
      return { ...readCertificateText(await readFile(file, 'utf8')), file, id: idOf(file) };
    } catch (error) {
      const code = isLumaError(error) ? error.code : 'certificate_unreadable';
      const message = `${file} is no certificate of Luma's (${messageOf(error)}): it is kept, and another one is ordered`;
      this.#log.error(message, { code });
      return null;
    }
  }
}

/** A file that was being written when its daemon died: `.NAME.aside-ID`. */
async function removeAsideOf(aside: string): Promise<void> {
  const [, name] = /^\.(.+)\.aside-/.exec(basename(aside)) ?? [];
  if (name !== undefined) await removeAsideFiles(join(aside, '..', name));
}

/** Full paths; none where there is no such folder. */
async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Readable, and the same for the same URL. */
function folderName(directoryUrl: string): string {
  const { host, pathname, search } = new URL(directoryUrl);
  return `${host}${pathname}${search}`.replace(/[^a-zA-Z0-9.]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
}

function fileNameOf(name: string): string {
  return name.replace('*', 'wildcard_');
}

function idOf(file: string): string {
  return `acme/${basename(file, '.pem')}`;
}
