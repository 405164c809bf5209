/**
 * Workers that outlived their daemon: found by their command line, asked for the table, the board and the
 * listening sockets they hold. Owns nothing afterwards: what it finds belongs to the new daemon.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { ORPHANS_TIMEOUT_MS, SURRENDER_TIMEOUT_MS } from '../limits.ts';
import type { Crew, CrewTable, Orphan } from './crew.ts';
import { DescriptorReceiver } from './descriptor-passing.ts';
import type { ListeningSocket } from './listening-socket.ts';
import { adoptListeningSocket } from './listening-socket.ts';
import type { SharedBoard } from './shared-board.ts';
import { openSharedBoard } from './shared-board.ts';
import { WORKER_PROTOCOL } from './worker-protocol.ts';

/** The command-line flag that names the worker socket, by which a worker is known. */
export const WORKERS_SOCKET_FLAG = '--workers-socket';

export interface Inheritance {
  readonly shared: SharedBoard;
  readonly sockets: readonly ListeningSocket[];
  readonly table: CrewTable;
  readonly orphans: readonly Orphan[];
}

export interface OrphanSearch {
  readonly crew: Crew;
  readonly workersSocketPath: string;
  /** Process ids of workers that a daemon which handed over has named. */
  readonly announced: readonly number[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Everything the last daemon's workers have, or null where there are none that can be taken over. */
export async function inheritFromOrphans(search: OrphanSearch): Promise<Inheritance | null> {
  const pids = [...new Set([...search.announced, ...findWorkers(search.workersSocketPath)])];
  if (pids.length === 0) return null;
  search.log.info('workers of an earlier daemon still serve; taking over from them', { pids: pids.length });
  const orphans = await gather(search, pids);
  // The newest table knows all; of several the first that accepts connections still has its sockets.
  const candidates = [...orphans]
    .filter(({ hello }) => !hello.isDraining && hello.protocol === WORKER_PROTOCOL)
    .sort((a, b) => b.hello.generation - a.hello.generation);
  for (const heir of candidates) {
    try {
      return { ...(await takeFrom(heir, search)), orphans };
    } catch (error) {
      search.log.warn('a worker could not hand over', { pid: heir.hello.pid, reason: messageOf(error) });
    }
  }
  for (const orphan of orphans) orphan.send({ type: 'drain', timeoutMs: SURRENDER_TIMEOUT_MS, idleMs: 0 });
  return null;
}

async function gather({ crew, clock }: OrphanSearch, pids: readonly number[]): Promise<Orphan[]> {
  const found = new Map<number, Orphan>();
  const { promise, resolve } = Promise.withResolvers<void>();
  crew.acceptOrphans((orphan) => {
    found.set(orphan.hello.pid, orphan);
    if (pids.every((pid) => found.has(pid) || !isAlive(pid))) resolve();
  });
  const control = new AbortController();
  await Promise.race([promise, delay(clock, ORPHANS_TIMEOUT_MS, control.signal).catch(() => undefined)]);
  control.abort();
  crew.acceptOrphans(undefined);
  return [...found.values()];
}

async function takeFrom(heir: Orphan, search: OrphanSearch): Promise<Omit<Inheritance, 'orphans'>> {
  const path = join(dirname(search.workersSocketPath), 'hand.sock');
  rmSync(path, { force: true });
  const receiver = new DescriptorReceiver(path);
  try {
    heir.send({ type: 'surrender', path });
    const signal = AbortSignal.timeout(SURRENDER_TIMEOUT_MS);
    const [boardFd = -1, ...listenFds] = await receiver.receive(search.clock, signal);
    const table = await heir.table;
    return { shared: openSharedBoard(boardFd), sockets: listenFds.map(adoptListeningSocket), table };
  } finally {
    receiver.close();
  }
}

/** Processes of this user that were started as workers for this socket. */
export function findWorkers(workersSocketPath: string): number[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).filter((pid) => isWorker(pid, workersSocketPath));
}

function isWorker(pid: number, workersSocketPath: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const flagAt = words.indexOf(WORKERS_SOCKET_FLAG);
    if (flagAt < 0 || words[flagAt + 1] !== workersSocketPath) return false;
    return statSync(`/proc/${pid}`).uid === process.getuid?.();
  } catch {
    // It ended while we looked.
    return false;
  }
}

/** A zombie has no command line any more, so `findWorkers` never names one; signal 0 would. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}
