/** Server processes that a bench starts, pins to a core, watches and stops. Owns them, and a folder for their files. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NS_PER_US = 1_000;
const UP_TRIES = 400;
const UP_PAUSE_MS = 25;
const STOP_MS = 3_000;

export class Processes {
  readonly folder = mkdtempSync(join(tmpdir(), 'luma-bench-'));
  readonly #started: ChildProcess[] = [];
  readonly #errorsPath = join(this.folder, 'stderr');

  constructor() {
    // nginx serves files as nobody.
    chmodSync(this.folder, 0o755);
  }

  /** What all of them said on stderr: some are talkative, so it is shown only when something went wrong. */
  errors(): string {
    return readFileSync(this.#errorsPath, 'utf8');
  }

  /** Writes a configuration; returns where. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** `core`: as taskset wants it; null: any. */
  start(command: readonly string[], core: string | null, env: Readonly<Record<string, string>> = {}): number {
    const [program = '', ...args] = core === null ? command : ['taskset', '-c', core, ...command];
    const errors = openSync(this.#errorsPath, 'a');
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', errors],
      env: { ...process.env, HOME: this.folder, ...env },
    });
    closeSync(errors);
    this.#started.push(child);
    if (child.pid === undefined) throw new Error(`cannot start ${command[0]}`);
    return child.pid;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.splice(0).map(stopped));
    rmSync(this.folder, { recursive: true });
  }
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < UP_TRIES; tries++) {
    if (await isListening(port)) return;
    await Bun.sleep(UP_PAUSE_MS);
  }
  throw new Error(`nothing listens on ${port}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** The process and its children: nginx serves from a worker. */
export function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(family))];
}

/** Time on a core so far, of all threads, from the scheduler's own books: exact, unlike ticks. */
export function cpuUs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return ns / NS_PER_US;
}

export function rssMb(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return kilobytes / 1024;
}
