/** Makes an image of our own files on the engine: a root filesystem sent as a tar stream. Nothing is pulled. */
import { Readable } from 'node:stream';
import { LumaError } from '../../base/errors.ts';
import type { Engine } from './engine.ts';
import { jsonLines } from './json-lines.ts';
import { type ArchiveEntry, rootArchive } from './root-archive.ts';

export interface ImageParts {
  /** For error texts: `the hello image`. */
  readonly what: string;
  readonly repository: string;
  readonly tag: string;
  readonly entries: readonly ArchiveEntry[];
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  readonly limitMs: number;
  /** What to do when the engine cannot. */
  readonly hint: string;
}

export async function importImage(engine: Engine, parts: ImageParts): Promise<void> {
  const { what, repository: repo, tag, entries, changes } = parts;
  const archive = Readable.from(rootArchive(entries), { objectMode: false });
  const query = { repo, tag, changes };
  await engine.call(
    `import ${what}`,
    async (abortSignal) => {
      const answer = await engine.docker.importImage(archive, { ...query, abortSignal });
      for await (const message of jsonLines(answer as unknown as AsyncIterable<Uint8Array>)) {
        if (typeof message['error'] === 'string') throw importFailed(parts, message['error']);
      }
    },
    parts.limitMs,
  );
}

function importFailed({ what, hint }: ImageParts, words: string): LumaError {
  return new LumaError('runtime_failed', `Docker could not import ${what}: ${words}`, {
    hint,
    details: { words },
  });
}
