/**
 * Orders that failed and are not to be tried yet, in `<state-dir>/certs/acme/failures.json`: a daemon that restarts often
 * must not ask a CA more often for it. Owned by the daemon.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

const rememberedSchema = z.strictObject({
  name: z.string(),
  isRefusal: z.boolean(),
  failures: z.int().min(1),
  failure: z.strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    at: z.number(),
  }),
  retryAt: z.number(),
});
const fileSchema = z.strictObject({ version: z.literal(1), failures: z.array(rememberedSchema) });

export type RememberedFailure = Readonly<z.infer<typeof rememberedSchema>>;

export class BackOffFile {
  readonly #path: string;
  readonly #log: Log;
  #writing: Promise<void> = Promise.resolve();
  #text = '';

  constructor(stateDir: string, log: Log) {
    this.#path = join(stateDir, 'certs', 'acme', 'failures.json');
    this.#log = log;
  }

  /** None where it is missing; one that cannot be read is said, and the CA is simply asked. */
  async load(): Promise<readonly RememberedFailure[]> {
    try {
      return fileSchema.parse(JSON.parse(await readFile(this.#path, 'utf8'))).failures;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        const message = `${this.#path} cannot be read (${messageOf(error)}): orders that failed are tried at once`;
        this.#log.error(message, { code: 'acme_failures_unreadable' });
      }
      return [];
    }
  }

  /** One write after the other; what could not be written is said, and matters only to a restart. */
  save(failures: readonly RememberedFailure[]): Promise<void> {
    const text = JSON.stringify({ version: 1, failures });
    if (text === this.#text) return this.#writing;
    this.#text = text;
    this.#writing = this.#writing.then(() => this.#write(text));
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    if (text !== this.#text) return;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.#path, `${text}\n`);
    } catch (error) {
      this.#log.error(`${this.#path} cannot be written`, { why: messageOf(error) });
    }
  }
}
