/**
 * The daemon's end of every worker it knows: who they are, what they have acknowledged, and one way to tell them all.
 * Owns the worker socket and the members; it starts and ends no process (fleet.ts does).
 */

import type { UnixSocketListener } from 'bun';
import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { WakeCause } from '../../edge/index.ts';
import {
  ACKNOWLEDGE_PERIOD_MS,
  ACKNOWLEDGE_TIMEOUT_MS,
  LATE_ORPHAN_DRAIN_MS,
  WORKER_BACKLOG_BYTES_MAX,
  WORKER_LINE_BYTES_MAX,
} from '../limits.ts';
import type { WorkerCounts } from './counts-beat.ts';
import { LineSocket, lineHandlers, parseLine } from './line-socket.ts';
import type { CertificateOrder, OwnedRoute, ToDaemon, ToWorker } from './worker-protocol.ts';
import { toDaemonSchema } from './worker-protocol.ts';
import { WORKER_PROTOCOL } from './worker-protocol-version.ts';

type Hello = Extract<ToDaemon, { type: 'hello' }>;
type Table = Extract<ToDaemon, { type: 'table' }>;

/** What the members say that others act on. */
export interface CrewListener {
  /** It counts on the board and acts by a table of this generation, or a newer one. */
  onAcknowledged(column: number, generation: number): void;
  onWake(service: string, cause: WakeCause | null): void;
  /** `generation`: of the route table by which it was asked. */
  onAnswered(service: string, targetId: string, generation: number): void;
  /** A connection to a target that it was told to expect is open. */
  onReached(service: string, targetId: string): void;
  /** For all members, the one that says it too. */
  onSlotReleased(service: string): void;
  onRefused(service: string, targetId: string, reason: string): void;
  /** Answered to all members by `certificate-answer`. */
  onCertificateWanted(host: string): void;
  onCounts(column: number, counts: WorkerCounts): void;
  /** It has the table and gets every change from now on: what it missed must be said again. */
  onRegistered(): void;
}

export interface CrewTable {
  readonly generation: number;
  readonly services: readonly OwnedRoute[];
}

export interface CrewOptions {
  readonly daemonId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: CrewListener;
  readonly table: () => CrewTable;
  readonly certificates: () => CertificateOrder;
}

export type MemberState = 'starting' | 'serving' | 'draining' | 'away';

/** One worker as the daemon sees it. */
export interface Member {
  readonly column: number;
  readonly pid: number;
  state: MemberState;
  generation: number;
  /** Monotonic time of the last that it said; null while it is not connected. */
  heardAtMs: number | null;
  send(message: ToWorker): void;
}

/** A worker of a daemon that is gone. */
export interface Orphan {
  readonly hello: Hello;
  send(message: ToWorker): void;
  /** Gives it a seat for its column: from now on it follows this daemon. */
  join(events: MemberEvents): Member;
  /** Its whole table, after `surrender`. */
  readonly table: Promise<Table>;
}

interface Seat extends Member {
  lines: LineSocket | undefined;
  /** The version of the certificates that it serves by. */
  certificates: number;
  /** Of the fleet: told what becomes of this worker. */
  readonly events: MemberEvents;
}

export interface MemberEvents {
  onServing(): void;
  onLeaving(): void;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #seats = new Map<number, Seat>();
  readonly #strangers = new Set<LineSocket>();
  #listener: UnixSocketListener<LineSocket> | undefined;
  #onOrphan: ((orphan: Orphan) => void) | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  get members(): readonly Member[] {
    return [...this.#seats.values()];
  }

  /** `path` is free: its directory is locked, and what the last daemon left there is removed. */
  listen(path: string): void {
    this.#listener = Bun.listen<LineSocket>({
      unix: path,
      socket: { ...lineHandlers, open: (socket) => this.#greet(socket) },
    });
  }

  /** Workers of a daemon that is gone are handed to `adopt` while this is set; otherwise they are told to drain. */
  acceptOrphans(adopt: ((orphan: Orphan) => void) | undefined): void {
    this.#onOrphan = adopt;
  }

  /** A worker with this process id will say hello for this column, or has (an orphan). */
  seat(column: number, pid: number, events: MemberEvents): Member {
    const seat: Seat = {
      column,
      pid,
      state: 'starting',
      generation: 0,
      heardAtMs: null,
      lines: undefined,
      certificates: 0,
      events,
      send: (message) => seat.lines?.send(message),
    };
    this.#seats.set(column, seat);
    return seat;
  }

  /** One that serves in the daemon's own process: never away, acknowledges on the spot. */
  seatLocal(column: number, apply: (message: ToWorker) => void): Member {
    const member = this.seat(column, process.pid, { onServing: () => {}, onLeaving: () => {} });
    member.send = apply;
    member.state = 'serving';
    return member;
  }

  /** Its process is dead. */
  unseat(column: number): void {
    const seat = this.#seats.get(column);
    this.#seats.delete(column);
    seat?.lines?.close('its process is gone');
  }

  tell(message: ToWorker): void {
    for (const seat of this.#seats.values()) seat.send(message);
  }

  /** Resolves when every member that is connected acts by a table of this generation, or a newer one. */
  async acknowledged(generation: number): Promise<void> {
    const pids = await this.#lateOnes((seat) => seat.generation < generation);
    if (pids.length > 0) this.#options.log.warn('workers are slow to follow the route table', { pids });
  }

  /** Resolves when every member that is connected serves by this version; rejects with `workers_slow`. */
  async certified(version: number): Promise<void> {
    const pids = await this.#lateOnes((seat) => seat.certificates < version);
    if (pids.length > 0) throw workersSlow(pids);
  }

  /** Process ids of those that have not caught up in time. One that begins, or comes back, is given the newest first. */
  async #lateOnes(isBehind: (seat: Seat) => boolean): Promise<readonly number[]> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonic() + ACKNOWLEDGE_TIMEOUT_MS;
    for (;;) {
      const late = [...this.#seats.values()].filter((seat) => seat.lines && isBehind(seat));
      if (late.length === 0 || clock.monotonic() > deadlineMs) return late.map(({ pid }) => pid);
      await delay(clock, ACKNOWLEDGE_PERIOD_MS);
    }
  }

  close(): void {
    this.#listener?.stop(true);
    for (const seat of this.#seats.values()) seat.lines?.close('the daemon ends');
    for (const lines of this.#strangers) lines.close('the daemon ends');
  }

  #greet(socket: Parameters<LineSocket['opened']>[0]): void {
    let conversation: ((message: ToDaemon) => void) | undefined;
    const lines: LineSocket = new LineSocket(
      {
        onLine: (line) => {
          const message = this.#understand(lines, line);
          if (!message) return;
          if (conversation) return conversation(message);
          if (message.type !== 'hello') return lines.close('it did not say hello');
          const seat = this.#seatOf(message);
          conversation = seat ? this.#register(seat, lines, message) : this.#receiveOrphan(lines, message);
        },
        onClose: (reason) => {
          this.#strangers.delete(lines);
          this.#lost(lines, reason);
        },
      },
      { lineBytesMax: WORKER_LINE_BYTES_MAX, backlogBytesMax: WORKER_BACKLOG_BYTES_MAX },
    );
    this.#strangers.add(lines);
    socket.data = lines;
    lines.opened(socket);
  }

  #understand(lines: LineSocket, line: string): ToDaemon | null {
    try {
      return toDaemonSchema.parse(parseLine(line));
    } catch (error) {
      this.#options.log.error('a worker said what nobody understands', { reason: messageOf(error) });
      lines.close('it said what nobody understands');
      return null;
    }
  }

  #seatOf(hello: Hello): Seat | undefined {
    const seat = this.#seats.get(hello.column);
    const isOurs = hello.daemon === null || hello.daemon === this.#options.daemonId;
    return isOurs && seat?.pid === hello.pid ? seat : undefined;
  }

  #register(seat: Seat, lines: LineSocket, hello: Hello): (message: ToDaemon) => void {
    const { daemonId, listener, table } = this.#options;
    if (hello.protocol !== WORKER_PROTOCOL) throw wrongProtocol(hello);
    seat.lines = lines;
    seat.heardAtMs = this.#options.clock.monotonic();
    if (hello.isDraining) seat.state = 'draining';
    seat.generation = hello.generation;
    const { generation, services } = table();
    // A new worker knows nothing older than what it is told now.
    listener.onAcknowledged(seat.column, hello.daemon === null ? generation : hello.generation);
    // First, for it serves once it has a table; what it has from another daemon counts no more.
    seat.certificates = 0;
    lines.send(this.#options.certificates());
    lines.send({ type: 'table', daemon: daemonId, generation, services });
    listener.onRegistered();
    return (message) => this.#hear(seat, message);
  }

  #hear(seat: Seat, message: ToDaemon): void {
    const { listener, clock } = this.#options;
    seat.heardAtMs = clock.monotonic();
    switch (message.type) {
      case 'ack':
        seat.generation = message.generation;
        listener.onAcknowledged(seat.column, message.generation);
        break;
      case 'certified':
        seat.certificates = message.version;
        break;
      case 'serving':
        if (seat.state !== 'draining') seat.state = 'serving';
        seat.events.onServing();
        break;
      case 'wake':
        listener.onWake(message.service, message.cause);
        break;
      case 'answered':
        listener.onAnswered(message.service, message.targetId, message.generation);
        break;
      case 'reached':
        listener.onReached(message.service, message.targetId);
        break;
      case 'slot-released':
        listener.onSlotReleased(message.service);
        break;
      case 'refused':
        listener.onRefused(message.service, message.targetId, message.reason);
        break;
      case 'certificate-wanted':
        listener.onCertificateWanted(message.host);
        break;
      case 'counts':
        listener.onCounts(seat.column, message);
        break;
      case 'leaving':
        seat.state = 'draining';
        seat.events.onLeaving();
        break;
      case 'drained':
        this.#options.log.debug('a worker is drained', { column: seat.column, cut: message.cut });
        break;
      case 'hello':
      case 'table':
        seat.lines?.close(`it said ${message.type} out of turn`);
        break;
    }
  }

  #receiveOrphan(lines: LineSocket, hello: Hello): (message: ToDaemon) => void {
    const { log } = this.#options;
    if (!this.#onOrphan || hello.daemon === null) {
      log.warn('a worker of an earlier daemon came too late: it finishes what it has', { pid: hello.pid });
      lines.send({ type: 'drain', timeoutMs: LATE_ORPHAN_DRAIN_MS, idleMs: 0 });
      return () => {};
    }
    const { promise: table, resolve: onTable } = Promise.withResolvers<Table>();
    let hear = (message: ToDaemon): void => {
      if (message.type === 'table') onTable(message);
    };
    const join = (events: MemberEvents): Member => {
      const seat = this.seat(hello.column, hello.pid, events) as Seat;
      hear = this.#register(seat, lines, hello);
      return seat;
    };
    this.#onOrphan({ hello, send: (message) => lines.send(message), table, join });
    return (message) => hear(message);
  }

  #lost(lines: LineSocket, reason: string): void {
    const seat = [...this.#seats.values()].find((candidate) => candidate.lines === lines);
    if (!seat) return;
    seat.lines = undefined;
    seat.heardAtMs = null;
    if (seat.state === 'serving') seat.state = 'away';
    this.#options.log.debug('a worker is not connected', { column: seat.column, reason });
  }
}

function workersSlow(pids: readonly number[]): LumaError {
  return new LumaError(
    'workers_slow',
    `workers have not taken a certificate in time: process ids ${pids.join(', ')}`,
    { hint: 'they are busy or stopped: see `luma-proxy status`; it is tried again', details: { pids } },
  );
}

function wrongProtocol(hello: Hello): LumaError {
  return new LumaError(
    'worker_protocol_differs',
    `worker ${hello.pid} speaks protocol ${hello.protocol}, this daemon ${WORKER_PROTOCOL}`,
  );
}
