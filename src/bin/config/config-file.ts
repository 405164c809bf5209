/** Reads luma.config.yml: one flat mapping of settings. What it does not know it refuses, by name and line. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import type { FileEntry } from './config-entries.ts';
import { invalidConfigFile } from './invalid-config-file.ts';

export const CONFIG_FILE_NAME = 'luma.config.yml';

const FILE_BYTES_MAX = 1024 * 1024;

export interface ConfigFile {
  readonly path: string;
  readonly directory: string;
  readonly entries: readonly FileEntry[];
}

/** The named file, which then must exist, or luma.config.yml in `cwd` if there is one. */
export function readConfigFile(cwd: string, named: string | undefined): ConfigFile | null {
  const path = resolve(cwd, named ?? CONFIG_FILE_NAME);
  if (named === undefined && !existsSync(path)) return null;
  // Most have no such file: 5 MB of parser are loaded only for those who do.
  const { parseEntries } = require('./config-entries.ts') as typeof import('./config-entries.ts');
  return { path, directory: dirname(path), entries: parseEntries(readText(path), path) };
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidConfigFile(path, `cannot be read: ${messageOf(cause)}`, cause);
  }
}
