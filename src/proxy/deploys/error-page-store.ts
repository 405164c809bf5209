/**
 * Error pages that services brought: one file for each different set, named by what is in it, under the state directory.
 * Read from the operator's directory at deploy, whole and checked, so that nothing that happens there later changes what
 * is served. Owns those files.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import { ERROR_PAGE_BYTES_MAX, ERROR_PAGES_BYTES_MAX } from '../limits.ts';

/** `404.html`, or `4xx.html` for those of its class that have no page of their own. */
const PAGE_NAME = /^([45](?:[0-9]{2}|xx))\.html$/;

export class ErrorPageStore {
  readonly #dir: string;
  /** Sets that a deploy under way has just brought: nobody else names them yet. */
  readonly #pinned = new Map<string, number>();

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'error-pages');
  }

  /** Resolves with the file for `errorPages` of a service. Rejects with `error_pages_unusable`. Kept until `unpin`. */
  async take(dir: string): Promise<string> {
    const pages = await readPages(dir);
    const text = JSON.stringify(pages);
    const file = join(this.#dir, `${createHash('sha256').update(text).digest('hex').slice(0, 32)}.json`);
    this.#pinned.set(file, (this.#pinned.get(file) ?? 0) + 1);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(file, text);
    return file;
  }

  unpin(file: string): void {
    const count = (this.#pinned.get(file) ?? 0) - 1;
    if (count > 0) this.#pinned.set(file, count);
    else this.#pinned.delete(file);
  }

  /** Removes what nobody names any more; workers have read what they serve. */
  async keepOnly(files: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#dir).catch(() => []);
    for (const name of names) {
      const file = join(this.#dir, basename(name));
      if (!files.has(file) && !this.#pinned.has(file)) await rm(file, { force: true });
    }
  }
}

async function readPages(dir: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(dir).catch((cause: unknown) => {
    throw unusable(dir, `it cannot be read: ${messageOf(cause)}`, cause);
  });
  const pages: Record<string, string> = {};
  let bytes = 0;
  for (const name of names.toSorted()) {
    const status = PAGE_NAME.exec(name)?.[1];
    if (status === undefined) continue;
    const page = await readPage(dir, join(dir, name));
    bytes += page.length;
    if (bytes > ERROR_PAGES_BYTES_MAX)
      throw unusable(dir, `its pages have more than ${ERROR_PAGES_BYTES_MAX} bytes together`);
    pages[status] = page.toString('utf8');
  }
  if (Object.keys(pages).length > 0) return pages;
  throw unusable(dir, 'it has no page: they are named 404.html, 503.html, 5xx.html');
}

async function readPage(dir: string, path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size <= ERROR_PAGE_BYTES_MAX) return await readFile(path);
  } catch (cause) {
    throw unusable(dir, `${path} cannot be read: ${messageOf(cause)}`, cause);
  }
  throw unusable(dir, `${path} has more than ${ERROR_PAGE_BYTES_MAX} bytes`);
}

function unusable(dir: string, reason: string, cause?: unknown): LumaError {
  return new LumaError('error_pages_unusable', `cannot use the error pages of ${dir}: ${reason}`, {
    hint: 'name a directory of pages such as 404.html and 5xx.html, as luma-proxy itself sees it, with --error-pages',
    ...(cause === undefined ? {} : { cause }),
    details: { dir },
  });
}
