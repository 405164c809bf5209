/** Which core a bench runs what on: each server has one to itself, load and upstream share the other. Owns nothing. */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

export const SERVER_CORE = '0';
export const LOAD_CORE = cpus().length > 1 ? '1' : '0';

/** Runs a load to its end, on its core; what it printed. */
export function outputOfLoad(command: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync('taskset', ['-c', LOAD_CORE, ...command], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}
