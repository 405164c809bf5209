/** Reads luma.config.yml: one flat mapping of settings. What it does not know it refuses, by name and line. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { LumaError, messageOf } from '../../base/errors.ts';

export const CONFIG_FILE_NAME = 'luma.config.yml';

const FILE_BYTES_MAX = 1024 * 1024;

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

export interface ConfigFile {
  readonly path: string;
  readonly directory: string;
  readonly entries: readonly FileEntry[];
}

/** The named file, which then must exist, or luma.config.yml in `cwd` if there is one. */
export function readConfigFile(cwd: string, named: string | undefined): ConfigFile | null {
  const path = resolve(cwd, named ?? CONFIG_FILE_NAME);
  if (named === undefined && !existsSync(path)) return null;
  return { path, directory: dirname(path), entries: parseEntries(readText(path), path) };
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(path, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

function parseEntries(text: string, path: string): readonly FileEntry[] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, schema: 'core' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw invalid(path, `is no valid YAML: ${problem.message}`, problem);
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return [];
  if (!isMap(document.contents)) throw invalid(path, 'must be a list of settings such as `http_port: 8080`');
  return document.contents.items.map(({ key, value }) => {
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    const name = isScalar(key) ? String(key.value) : String(key);
    return {
      key: name,
      value: isScalar(value) ? value.value : value,
      line: lineCounter.linePos(offset).line,
    };
  });
}

function invalid(path: string, problem: string, cause?: unknown): LumaError {
  return new LumaError('config_invalid', `${path} ${problem}`, {
    cause,
    hint: 'see the README for its form',
  });
}
