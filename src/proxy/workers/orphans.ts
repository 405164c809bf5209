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
import { isAlive } from '../../base/process-life.ts';
import {
  LATE_ORPHAN_DRAIN_MS,
  ORPHANS_TIMEOUT_MS,
  SILENT_ORPHANS_TIMEOUT_MS,
  SURRENDER_TIMEOUT_MS,
} from '../limits.ts';
import type { Crew, CrewTable, Orphan } from './crew.ts';
import { DescriptorReceiver } from './descriptor-passing.ts';
import { adoptListeningSocket } from './listening-socket.ts';
import type { SharedBoard } from './shared-board.ts';
import { openSharedBoard } from './shared-board.ts';
import type { PublicSocket } from './socket-set.ts';
import { COLUMN_FLAG, WORKERS_SOCKET_FLAG } from './worker-flags.ts';
import { WORKER_PROTOCOL } from './worker-protocol-version.ts';

const LOOK_AGAIN_MS = 2;

export interface Inheritance {
  readonly shared: SharedBoard;
  readonly sockets: readonly PublicSocket[];
  readonly table: CrewTable;
  /** Those that count on this board. */
  readonly orphans: readonly Orphan[];
  /** Alive, but they have not said hello: their columns are theirs until they are dead. */
  readonly silent: readonly FoundWorker[];
}

export interface FoundWorker {
  readonly pid: number;
  readonly column: number;
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
  const found = findWorkers(search.workersSocketPath);
  const pids = [...new Set([...search.announced, ...found.map(({ pid }) => pid)])];
  if (pids.length === 0) return null;
  search.log.info('workers of an earlier daemon still serve; taking over from them', { pids: pids.length });
  const orphans = await gather(search, pids);
  // The newest table knows all; of several the first that accepts connections still has its sockets.
  const candidates = [...orphans]
    .filter(({ hello }) => !hello.isDraining && hello.protocol === WORKER_PROTOCOL)
    .sort((a, b) => b.hello.generation - a.hello.generation);
  for (const heir of candidates) {
    try {
      const taken = await takeFrom(heir, search);
      const isOurs = ({ hello }: Orphan): boolean => hello.board === heir.hello.board;
      sendAway(orphans.filter((orphan) => !isOurs(orphan)));
      const said = new Set(orphans.map(({ hello }) => hello.pid));
      const silent = found.filter(({ pid }) => !said.has(pid) && isAlive(pid));
      return { ...taken, orphans: orphans.filter(isOurs), silent };
    } catch (error) {
      search.log.warn('a worker could not hand over', { pid: heir.hello.pid, reason: messageOf(error) });
    }
  }
  sendAway(orphans);
  await lastThreadsOf(pids, search.clock);
  return null;
}

/** Of a process that counts as ended, threads that still end may hold its listening sockets for some milliseconds. */
async function lastThreadsOf(pids: readonly number[], clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonic() + ORPHANS_TIMEOUT_MS;
  const isEnding = (pid: number): boolean => !isAlive(pid) && threadCount(pid) > 1;
  while (pids.some(isEnding) && clock.monotonic() < deadlineMs) await delay(clock, LOOK_AGAIN_MS);
}

function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    // It is gone altogether.
    return 0;
  }
}

/** Nobody keeps their tables up to date any more. */
export function sendAway(orphans: readonly Orphan[]): void {
  for (const orphan of orphans) orphan.send({ type: 'drain', timeoutMs: LATE_ORPHAN_DRAIN_MS, idleMs: 0 });
}

async function gather({ crew, clock }: OrphanSearch, pids: readonly number[]): Promise<Orphan[]> {
  const found = new Map<number, Orphan>();
  crew.acceptOrphans((orphan) => void found.set(orphan.hello.pid, orphan));
  const startedAtMs = clock.monotonic();
  const isOver = (): boolean => {
    const waitedMs = clock.monotonic() - startedAtMs;
    return waitedMs >= (found.size === 0 ? SILENT_ORPHANS_TIMEOUT_MS : ORPHANS_TIMEOUT_MS);
  };
  while (pids.some((pid) => !found.has(pid) && isAlive(pid)) && !isOver()) {
    await delay(clock, LOOK_AGAIN_MS);
  }
  crew.acceptOrphans(undefined);
  return [...found.values()];
}

async function takeFrom(
  heir: Orphan,
  search: OrphanSearch,
): Promise<Omit<Inheritance, 'orphans' | 'silent'>> {
  const path = join(dirname(search.workersSocketPath), 'hand.sock');
  rmSync(path, { force: true });
  const receiver = new DescriptorReceiver(path);
  try {
    heir.send({ type: 'surrender', path });
    const signal = AbortSignal.timeout(SURRENDER_TIMEOUT_MS);
    const [boardFd = -1, ...listenFds] = await receiver.receive(search.clock, signal);
    const table = await heir.table;
    const firstTls = listenFds.length - table.tlsListeners;
    const sockets = listenFds.map((fd, index) => ({ ...adoptListeningSocket(fd), isTls: index >= firstTls }));
    return { shared: openSharedBoard(boardFd), sockets, table };
  } finally {
    receiver.close();
  }
}

/** Processes of this user that were started as workers for this socket. */
export function findWorkers(workersSocketPath: string): FoundWorker[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).flatMap((pid) => readWorker(pid, workersSocketPath) ?? []);
}

function readWorker(pid: number, workersSocketPath: string): FoundWorker | null {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const wordAfter = (flag: string): string | undefined => words[words.indexOf(flag) + 1];
    if (!words.includes(WORKERS_SOCKET_FLAG) || wordAfter(WORKERS_SOCKET_FLAG) !== workersSocketPath)
      return null;
    if (statSync(`/proc/${pid}`).uid !== process.getuid?.()) return null;
    return { pid, column: Number(wordAfter(COLUMN_FLAG)) };
  } catch {
    // It ended while we looked.
    return null;
  }
}
