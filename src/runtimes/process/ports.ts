/** Which port an instance gets, and who sits on one that is taken. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { LumaError } from '../../base/errors.ts';
import { canBind } from './libc.ts';
import { PORT_FIRST, PORT_LAST } from './limits.ts';
import { commandLineOf, environmentOf } from './process-table.ts';

/** What the project asked for; else the port of its last run, if it may have it again; else another one. */
export function portFor(
  wanted: number | null,
  last: { readonly port: number; readonly lostPort: boolean } | null,
  isReserved: (port: number) => boolean,
  random: () => number,
): number {
  if (wanted !== null) return claimPort(wanted);
  if (last && !last.lostPort && isPortFree(last.port)) return last.port;
  return choosePort((port) => port === last?.port || isReserved(port), random());
}

/**
 * A port on which nobody listens, on no address of the machine, and that `isReserved` (by a sleeping instance)
 * denies. `seed`, 0 to 1, says where the search begins, so that two installations rarely look at the same one.
 */
export function choosePort(isReserved: (port: number) => boolean, seed: number): number {
  const count = PORT_LAST - PORT_FIRST + 1;
  const offset = Math.floor(seed * count);
  for (let step = 0; step < count; step++) {
    const port = PORT_FIRST + ((offset + step) % count);
    if (!isReserved(port) && canBind(port, 'everywhere')) return port;
  }
  throw new LumaError('port_conflict', `every port from ${PORT_FIRST} to ${PORT_LAST} is taken`, {
    hint: 'remove projects that are not needed, or give one a container_port of its own',
  });
}

/** Whether an instance can have its port again: nobody listens there, on no address of the machine. */
export function isPortFree(port: number): boolean {
  return canBind(port, 'everywhere');
}

/** The project asked for this very port: it must be free on 127.0.0.1. */
export function claimPort(port: number): number {
  if (canBind(port, 'loopback')) return port;
  throw new LumaError('port_conflict', `port ${port} is taken by ${describeHolder(port)}`, {
    hint: 'end that program, or leave container_port out: Luma then chooses a free port and tells it in PORT',
    details: { port },
  });
}

/** Who listens on the port, in words for people. */
export function describeHolder(port: number): string {
  const inodes = listeningInodes(port);
  const pid = inodes.size > 0 ? findHolder(inodes) : null;
  if (pid === null) return 'another program';
  const project = environmentOf(pid)?.get('LUMA_SERVICE');
  if (project !== undefined) return `the project ${project} (process ${pid})`;
  return `${commandLineOf(pid)?.slice(0, 80) || 'another program'} (process ${pid})`;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readTable(table)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const isThere = Number.parseInt(local?.split(':')[1] ?? '', 16) === port;
      // 0A is LISTEN; proc(5).
      if (isThere && state === '0A' && inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}

function readTable(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(1);
  } catch (error) {
    // A machine without IPv6 has no tcp6.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function findHolder(inodes: ReadonlySet<string>): number | null {
  for (const pid of readdirSync('/proc')) {
    if (/^\d+$/.test(pid) && holdsOneOf(pid, inodes)) return Number(pid);
  }
  return null;
}

function holdsOneOf(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch (error) {
    // It ended, closed the file meanwhile, or belongs to somebody whose files we may not see.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return false;
    throw error;
  }
}
