/** How this machine runs one of our programs: the same Bun, the same flags, whatever the working directory. */
import { fileURLToPath } from 'node:url';

export function programCommand(name: 'luma-proxy'): readonly string[] {
  return [process.execPath, ...process.execArgv, fileURLToPath(new URL(`./${name}.ts`, import.meta.url))];
}
