/**
 * The image of the hello project, made from Luma's own files: the Bun that runs Luma, the shared objects it
 * needs, and the hello server. Nothing is pulled. The tag names what is inside, so it is made once.
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Engine } from './engine.ts';
import { importImage } from './image-import.ts';
import { hasImage } from './image-pull.ts';
import { limits } from './limits.ts';
import type { ArchiveEntry } from './root-archive.ts';
import { programFiles } from './shared-objects.ts';

export interface HelloImageParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** A Bun executable for Linux. */
  readonly bunFile: string;
  /** The server: one file without imports. */
  readonly serverFile: string;
}

const repository = 'luma/hello';
/** Raised whenever this file lays the image out differently. */
const layout = 1;
const serverPath = 'app/server.ts';

/** The reference of the image; it exists when this resolves. */
export async function ensureHelloImage(parts: HelloImageParts): Promise<string> {
  if (process.platform !== 'linux') {
    throw new LumaError('hello_image_unsupported', 'the hello image can be made on Linux only', {
      hint: 'register a project with an image of your own, or use --runtime process',
    });
  }
  const tag = contentTag(parts.bunFile, parts.serverFile);
  const image = `${repository}:${tag}`;
  if (await hasImage(parts.engine, image)) return image;
  const startedAt = parts.clock.monotonic();
  await importImage(parts.engine, {
    what: 'the hello image',
    repository,
    tag,
    entries: imageEntries(parts.bunFile, parts.serverFile),
    changes: imageConfig,
    limitMs: limits.importMs,
    hint: 'see whether the engine has about 200 MB of free disk space',
  });
  const durationMs = Math.round(parts.clock.monotonic() - startedAt);
  parts.log.info(`made the image ${image}`, { duration_ms: durationMs });
  return image;
}

/** Of Bun its version and size stand for its 100 MB. */
function contentTag(bunFile: string, serverFile: string): string {
  const hash = createHash('sha256');
  hash.update(`${layout} ${process.arch} ${Bun.version} ${Bun.revision} ${statSync(bunFile).size}\n`);
  hash.update(readFileSync(serverFile));
  return hash.digest('hex').slice(0, 12);
}

const imageConfig = [
  `CMD ["/bin/bun","/${serverPath}"]`,
  'ENV LD_LIBRARY_PATH=/lib HOME=/tmp',
  'EXPOSE 8080',
  'USER 65534:65534',
  'WORKDIR /tmp',
  'LABEL luma.hello=true',
];

function imageEntries(bunFile: string, serverFile: string): ArchiveEntry[] {
  const { interpreter, objects } = programFiles(bunFile);
  const file = (path: string, from: string): ArchiveEntry => ({ kind: 'file', path, mode: 0o755, from });
  return [
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
    { kind: 'text', path: 'etc/passwd', mode: 0o644, text: 'nobody:x:65534:65534::/tmp:/bin/false\n' },
    ...(interpreter ? [file(interpreter.slice(1), realpathSync(interpreter))] : []),
    ...[...objects].map(([name, from]) => file(`lib/${name}`, realpathSync(from))),
    file(serverPath, serverFile),
    file('bin/bun', realpathSync(bunFile)),
  ];
}
