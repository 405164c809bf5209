/** The last lines of removed instances, in memory, within limits on instances, lines and characters. */
import type { LogLine, LogOptions } from '../contract.ts';
import { limits } from './limits.ts';

export class KeptLines {
  /** Oldest removal first. */
  readonly #kept = new Map<string, readonly LogLine[]>();

  keep(instanceId: string, lines: readonly LogLine[]): void {
    this.#kept.delete(instanceId);
    this.#kept.set(instanceId, lastWithin(lines));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= limits.keptInstances) break;
      this.#kept.delete(oldest);
    }
  }

  /** Null where nothing was kept of this instance. */
  read(instanceId: string, { tail, since = 0 }: LogOptions): readonly LogLine[] | null {
    const kept = this.#kept.get(instanceId);
    if (!kept) return null;
    const lines = kept.filter((line) => line.at >= since);
    return tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail));
  }
}

function lastWithin(lines: readonly LogLine[]): LogLine[] {
  let first = Math.max(0, lines.length - limits.keptLines);
  let characters = lines.slice(first).reduce((sum, line) => sum + line.text.length, 0);
  for (; characters > limits.keptCharacters; first++) characters -= lines[first]?.text.length ?? 0;
  return lines.slice(first);
}
