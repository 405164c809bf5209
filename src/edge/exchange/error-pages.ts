/**
 * A service's own pages for answers of the edge: read once, when the service is routed, from the file that the daemon
 * made of them. Owns nothing but that text.
 */
import { readFileSync } from 'node:fs';
import { escaped } from './failure.ts';

export class ErrorPages {
  readonly #pages: Readonly<Record<string, string>>;

  private constructor(pages: Readonly<Record<string, string>>) {
    this.#pages = pages;
  }

  /** Null where there is none, or where it cannot be read: then the edge speaks for itself. */
  static read(file: string | null, onError: (error: unknown) => void): ErrorPages | null {
    if (file === null) return null;
    try {
      return new ErrorPages(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>);
    } catch (error) {
      onError(error);
      return null;
    }
  }

  /** That of the status before that of its class. `{{ .Message }}` in it becomes the sentence, as in kamal-proxy. */
  find(status: number, message: string): string | null {
    const page = this.#pages[String(status)] ?? this.#pages[`${String(status)[0]}xx`];
    return page?.replaceAll(/\{\{\s*\.Message\s*\}\}/g, () => escaped(message)) ?? null;
  }
}
