/** The machine's processes as /proc tells them. Reads only; remembers nothing but the boot's id. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessEntry {
  readonly pid: number;
  readonly sessionId: number;
  /** One letter of proc(5): R running, S sleeping, T stopped, Z zombie … */
  readonly state: string;
  /** Clock ticks from the boot to the start of the process. */
  readonly startTicks: number;
}

/** A pid alone means nothing: numbers are used again. These three never are. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
}

export function readProcess(pid: number): ProcessEntry | null {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(pid, stat);
}

/** Zombies included: their numbers are taken. */
export function listProcesses(): readonly ProcessEntry[] {
  const found: ProcessEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readProcess(Number(name));
    if (entry) found.push(entry);
  }
  return found;
}

export function isAlive(entry: ProcessEntry): boolean {
  return entry.state !== 'Z' && entry.state !== 'X';
}

/** The environment that the process was started with; null when it is gone or not ours to read. */
export function environmentOf(pid: number): ReadonlyMap<string, string> | null {
  const text = readProc(`/proc/${pid}/environ`);
  if (text === null) return null;
  const variables = new Map<string, string>();
  for (const variable of text.split('\0')) {
    const equals = variable.indexOf('=');
    if (equals > 0) variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return variables;
}

export function commandLineOf(pid: number): string | null {
  const text = readProc(`/proc/${pid}/cmdline`);
  return text === null ? null : text.split('\0').join(' ').trim();
}

export function identify(pid: number): ProcessIdentity | null {
  const entry = readProcess(pid);
  return entry && { pid, startTicks: entry.startTicks, bootId: bootId() };
}

/** The very process, still alive; null when it ended, also when another one has its number now. */
export function findAlive(identity: ProcessIdentity): ProcessEntry | null {
  if (identity.bootId !== bootId()) return null;
  const entry = readProcess(identity.pid);
  return entry && entry.startTicks === identity.startTicks && isAlive(entry) ? entry : null;
}

/** How many processes the kernel has killed for want of memory since the boot. */
export function outOfMemoryKills(): number {
  const line = /^oom_kill (\d+)$/m.exec(readProc('/proc/vmstat') ?? '');
  return Number(line?.[1] ?? 0);
}

let knownBootId: string | null = null;
export function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return knownBootId;
}

/** The name stands in parentheses and may itself contain them: fields are counted from the last one. */
export function parseStat(pid: number, stat: string): ProcessEntry | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, , , session] = fields;
  const startTicks = Number(fields[19]);
  if (state === undefined || session === undefined || !Number.isSafeInteger(startTicks)) return null;
  return { pid, sessionId: Number(session), state, startTicks };
}

/** Null when the process ended meanwhile, or belongs to another user. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}
