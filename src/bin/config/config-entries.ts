/** The entries of luma.config.yml out of its text. */
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { invalidConfigFile } from './invalid-config-file.ts';

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

export function parseEntries(text: string, path: string): readonly FileEntry[] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, schema: 'core' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw invalidConfigFile(path, `is no valid YAML: ${problem.message}`, problem);
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return [];
  if (!isMap(document.contents))
    throw invalidConfigFile(path, 'must be a list of settings such as `http_port: 8080`');
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
