/** The last lines of removed instances: one small file each, the oldest go first. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine, LogOptions } from '../contract.ts';
import { KEPT_LINE_CHARACTERS_MAX, KEPT_OUTPUTS_MAX } from './limits.ts';

export class KeptOutput {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  keep(instanceId: string, lines: readonly LogLine[]): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const short = lines.map((line) => ({ ...line, text: line.text.slice(0, KEPT_LINE_CHARACTERS_MAX) }));
    const text = short.map((line) => `${JSON.stringify(line)}\n`).join('');
    writeFileSync(this.#path(instanceId), text, { mode: 0o600 });
    this.#dropOldest();
  }

  /** Null when nothing was ever kept of it. */
  read(instanceId: string, options: LogOptions): readonly LogLine[] | null {
    let text: string;
    try {
      text = readFileSync(this.#path(instanceId), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const lines = text.split('\n').flatMap((line) => parseLine(line) ?? []);
    const { tail = lines.length, since = 0 } = options;
    return lines.slice(Math.max(0, lines.length - tail)).filter((line) => line.at >= since);
  }

  forget(instanceId: string): void {
    rmSync(this.#path(instanceId), { force: true });
  }

  #path(instanceId: string): string {
    return join(this.#folder, `${instanceId}.jsonl`);
  }

  #dropOldest(): void {
    const paths = readdirSync(this.#folder).map((name) => join(this.#folder, name));
    if (paths.length <= KEPT_OUTPUTS_MAX) return;
    const byAge = paths
      .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((a, b) => a.at - b.at);
    for (const { path } of byAge.slice(0, paths.length - KEPT_OUTPUTS_MAX)) rmSync(path, { force: true });
  }
}

/** Null for the torn line that a crash leaves at the end. */
function parseLine(text: string): LogLine | null {
  if (!text.endsWith('}')) return null;
  return JSON.parse(text) as LogLine;
}
