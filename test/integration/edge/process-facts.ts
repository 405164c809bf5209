/** What the kernel knows of a process: how much memory it has and had, and how many descriptors. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const KIBIBYTE = 1024;

/** Remembers what a process has now; `growth` is how much more it had at its highest since then, in bytes. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #before: number;

  constructor(pid: number) {
    this.#pid = pid;
    // Forgets the highest value so far (proc(5), clear_refs).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    this.#before = read(pid, 'VmRSS');
  }

  get growth(): number {
    return read(this.#pid, 'VmHWM') - this.#before;
  }
}

export function socketCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function read(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (found === null) throw new Error(`no ${field} of process ${pid}`);
  return Number(found[1]) * KIBIBYTE;
}
