/** How this machine runs one of our programs: the same Bun, the same flags, whatever the working directory. */
import { fileURLToPath } from 'node:url';

/** Where `bun build --compile` puts the source inside its one file. */
const COMPILED_PREFIX = 'file:///$bunfs/';

export function programCommand(name: 'luma-proxy', ownUrl: string = import.meta.url): readonly string[] {
  // Only luma-proxy is built into one file: it is Bun and program at once.
  if (ownUrl.startsWith(COMPILED_PREFIX)) return [process.execPath];
  return [process.execPath, ...process.execArgv, fileURLToPath(new URL(`./${name}.ts`, ownUrl))];
}
