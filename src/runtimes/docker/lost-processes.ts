/**
 * Ends what a container has left running that its engine lost track of. An engine that is killed during a start knows
 * of no process afterwards: it removes the container without ending it, and gives away an address that is still in use,
 * so that whoever gets it next is reached by chance. Looks where this machine's kernel runs them; owns nothing.
 */
import { readdir, readFile } from 'node:fs/promises';
import { type Clock, delay } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { EngineAddress } from './engine-address.ts';
import { limits } from './limits.ts';

/** The processes of this machine. */
export interface Machine {
  readonly procFolder: string;
  readonly kill: (pid: number) => void;
}

export interface LostProcessesParts {
  readonly address: EngineAddress;
  readonly clock: Clock;
  readonly log: Log;
  readonly machine?: Machine;
}

const thisMachine: Machine = { procFolder: '/proc', kill: (pid) => void process.kill(pid, 'SIGKILL') };

export class LostProcesses {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #machine: Machine | null;

  constructor({ address, clock, log, machine = thisMachine }: LostProcessesParts) {
    this.#clock = clock;
    this.#log = log;
    this.#machine = address.kind === 'socket' && process.platform === 'linux' ? machine : null;
  }

  /** Of a container that its engine says does not run. Resolves when they are gone, or cannot be ended: that is logged. */
  async end(containerId: string): Promise<void> {
    if (!this.#machine) return;
    const ended = new Set<number>();
    const lastLookMs = this.#clock.monotonic() + limits.lostMs;
    let pids = await processesOf(containerId, this.#machine.procFolder);
    while (pids.length > 0) {
      // Tried at least once, however long the look itself took.
      if (!this.#killAll(pids) || this.#clock.monotonic() >= lastLookMs) {
        const fields = { container: containerId, pids };
        this.#log.warn('Docker lost track of processes that Luma cannot end: end them by hand', fields);
        return;
      }
      for (const pid of pids) ended.add(pid);
      await delay(this.#clock, limits.lostLookMs);
      pids = await processesOf(containerId, this.#machine.procFolder);
    }
    if (ended.size === 0) return;
    const fields = { container: containerId, pids: [...ended] };
    this.#log.warn('Docker lost track of processes when it was killed; they were ended', fields);
  }

  /** False where that is not ours to do. */
  #killAll(pids: readonly number[]): boolean {
    for (const pid of pids) {
      try {
        this.#machine?.kill(pid);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPERM') return false;
        if (code !== 'ESRCH') throw error;
      }
    }
    return true;
  }
}

/** By their control group, which every engine names after the container. */
async function processesOf(containerId: string, procFolder: string): Promise<number[]> {
  const queue = (await readdir(procFolder)).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  const work = async (): Promise<void> => {
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
      if ((await textOf(`${procFolder}/${pid}/cgroup`)).includes(containerId)) found.push(Number(pid));
    }
  };
  await Promise.all(Array.from({ length: limits.procReadsAtOnce }, work));
  return found;
}

/** Empty once the process is gone. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return '';
    throw error;
  }
}
