/** Whether a process still runs, as /proc tells it. Owns nothing. */
import { readFileSync } from 'node:fs';

/**
 * False also for a zombie: one whose parent never asks how it ended stays for ever where process 1 reaps nobody,
 * as in many containers, and signal 0 still reaches it.
 */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc_pid_stat(5): the name before the state is in parentheses and may hold any of both.
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
