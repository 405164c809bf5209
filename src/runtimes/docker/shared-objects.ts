/** Finds on this machine the shared objects that a program needs, and those that they need. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LumaError } from '../../base/errors.ts';
import { type ElfNeeds, readElfNeeds } from './elf.ts';

export interface ProgramFiles {
  /** Where the program expects its loader; null for a static program. */
  readonly interpreter: string | null;
  /** Name to file. */
  readonly objects: ReadonlyMap<string, string>;
}

const folders = [
  '/lib64',
  '/usr/lib64',
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/lib',
  '/usr/lib',
  '/usr/local/lib',
];

export function programFiles(program: string): ProgramFiles {
  const needs = needsOf(program);
  const objects = new Map<string, string>();
  const queue = [...needs.needed];
  const searched = [...folders, ...loadedFolders()];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (objects.has(name)) continue;
    const file = searched.map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (!file) throw unusable(program, `its shared object ${name} was not found`);
    objects.set(name, file);
    queue.push(...needsOf(file).needed);
  }
  return { interpreter: needs.interpreter, objects };
}

/** Where the loader found what this very process runs with: tells of unusual places. */
function loadedFolders(): string[] {
  if (!existsSync('/proc/self/maps')) return [];
  const paths = readFileSync('/proc/self/maps', 'utf8').match(/\/\S+\.so[.\d]*$/gm) ?? [];
  return [...new Set(paths.map((path) => dirname(path)))];
}

function needsOf(file: string): ElfNeeds {
  const handle = openSync(file, 'r');
  try {
    const needs = readElfNeeds((offset, length) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(handle, bytes, 0, length, offset));
    });
    if (needs) return needs;
  } finally {
    closeSync(handle);
  }
  throw unusable(file, 'it is not a 64-bit Linux program');
}

function unusable(file: string, reason: string): LumaError {
  return new LumaError('hello_image_unsupported', `cannot put ${file} into an image: ${reason}`, {
    hint: 'start Luma without its example, and register a project with an image of your own',
  });
}
