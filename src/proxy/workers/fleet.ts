/**
 * The worker processes: starts them, replaces the ones that die, restarts and ends them.
 * Owns the columns of the board that workers have; a column is free again when its process is dead and it is folded.
 */
import type { Subprocess } from 'bun';
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { isAlive } from '../../base/process-life.ts';
import {
  COUNTS_PERIOD_MS,
  ORPHAN_PERIOD_MS,
  REPLACED_IDLE_MS,
  STOP_IDLE_MS,
  WORKER_DRAIN_TIMEOUT_MS,
  WORKER_LOOK_LATE_MS,
  WORKER_RESTART_FIRST_MS,
  WORKER_RESTART_FORGET_MS,
  WORKER_RESTART_LONGEST_MS,
  WORKER_SILENCE_MS,
  WORKER_START_TIMEOUT_MS,
} from '../limits.ts';
import type { Crew, Member, Orphan } from './crew.ts';
import type { FoundWorker } from './orphans.ts';
import { sendAway } from './orphans.ts';

export interface FleetOptions {
  readonly count: number;
  /** Columns that workers may have. */
  readonly columns: readonly number[];
  readonly crew: Crew;
  readonly spawn: (column: number) => Subprocess;
  /** Its process is dead: fold its column. */
  readonly onDead: (column: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** One running process in one place of the fleet. */
interface Hand {
  readonly column: number;
  readonly process: Subprocess;
  readonly member: Member;
  readonly startedAtMs: number;
  /** It is to end: nobody takes its place when it does. */
  isDismissed: boolean;
  readonly serving: Promise<void>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #hands = new Set<Hand>();
  #freeColumns: number[];
  readonly #pending = new Set<Timer>();
  /** By process id: workers of an earlier daemon, which are not our children. */
  readonly #orphans = new Map<number, Member>();
  readonly #silent = new Set<number>();
  readonly #watching = new Set<Timer>();
  #listening: Timer | undefined;
  #onNoOrphans: (() => void) | undefined;
  #restartMs = WORKER_RESTART_FIRST_MS;
  #isStopping = false;
  #isAbandoned = false;
  /** How many workers took the place of one that died. */
  restartCount = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#freeColumns = [...options.columns];
  }

  /** Resolves when every worker serves; rejects with `worker_failed` when one ends before that. */
  async start(): Promise<void> {
    this.#listenForSilence(this.#options.clock.monotonic());
    const hands = Array.from({ length: this.#options.count }, () => this.#begin());
    await Promise.all(hands.map((hand) => hand.serving));
  }

  /** A column that is not for a process: the daemon itself serves. */
  takeColumn(): number {
    const column = this.#freeColumns.shift();
    if (column === undefined) throw noColumn();
    return column;
  }

  /** Those that will say hello to the next daemon. */
  get pids(): readonly number[] {
    return [...[...this.#hands].map(({ process }) => process.pid), ...this.#orphans.keys()];
  }

  /** A worker of an earlier daemon: it follows this one until its last exchange has ended. */
  adopt(orphan: Orphan): void {
    const { column, pid } = orphan.hello;
    const isNew = !this.#silent.delete(pid);
    this.#orphans.set(pid, orphan.join({ onServing: () => {}, onLeaving: () => {} }));
    if (isNew) this.#awaitDeath(pid, column);
  }

  /** Alive on our board, but not heard of yet: nobody else may have its column. */
  awaitSilent({ pid, column }: FoundWorker): void {
    this.#silent.add(pid);
    this.#awaitDeath(pid, column);
  }

  /** One that says hello when the others are taken over already: its place is filled. */
  adoptLate(orphan: Orphan): void {
    if (!this.#silent.has(orphan.hello.pid)) {
      sendAway([orphan]);
      return;
    }
    this.adopt(orphan);
    this.dismissOrphans();
  }

  /** Others accept in their place by now. */
  dismissOrphans(timeoutMs = WORKER_DRAIN_TIMEOUT_MS, idleMs = REPLACED_IDLE_MS): void {
    for (const member of this.#orphans.values()) {
      member.state = 'draining';
      member.send({ type: 'drain', timeoutMs, idleMs });
    }
  }

  /** One after the other: the next one serves before the last one stops accepting. */
  async restart(): Promise<void> {
    for (const hand of [...this.#hands].filter(({ isDismissed }) => !isDismissed)) {
      if (this.#isStopping) return;
      const next = this.#begin();
      await next.serving;
      this.#dismiss(hand, WORKER_DRAIN_TIMEOUT_MS, REPLACED_IDLE_MS);
    }
  }

  /** No more of them: each stops accepting and ends when what it has is finished, or after the time. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopReplacing();
    const hands = [...this.#hands];
    for (const hand of hands) this.#dismiss(hand, timeoutMs, STOP_IDLE_MS);
    this.dismissOrphans(timeoutMs, STOP_IDLE_MS);
    const patience = this.#options.clock.after(timeoutMs + STOP_GRACE_MS, () => this.kill());
    await Promise.all([...hands.map((hand) => hand.process.exited), this.#orphansGone()]);
    patience.cancel();
  }

  kill(): void {
    this.#stopReplacing();
    for (const hand of this.#hands) hand.process.kill('SIGKILL');
    for (const pid of this.#orphans.keys()) killQuietly(pid);
  }

  /** The daemon goes and the workers stay, for the next one. */
  abandon(): void {
    this.#stopReplacing();
    this.#isAbandoned = true;
    for (const hand of this.#hands) hand.process.unref();
    for (const timer of this.#watching) timer.cancel();
  }

  #awaitDeath(pid: number, column: number): void {
    const { crew, onDead } = this.#options;
    this.#freeColumns = this.#freeColumns.filter((free) => free !== column);
    const look = (): void => {
      if (isAlive(pid)) return void this.#watch(look);
      this.#orphans.delete(pid);
      this.#silent.delete(pid);
      crew.unseat(column);
      onDead(column);
      this.#freeColumns.push(column);
      if (this.#orphans.size === 0) this.#onNoOrphans?.();
    };
    this.#watch(look);
  }

  #orphansGone(): Promise<void> {
    if (this.#orphans.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onNoOrphans = resolve;
    });
  }

  #watch(look: () => void): void {
    const timer = this.#options.clock.after(ORPHAN_PERIOD_MS, () => {
      this.#watching.delete(timer);
      look();
    });
    this.#watching.add(timer);
  }

  #begin(): Hand {
    const { crew, spawn, clock } = this.#options;
    const column = this.takeColumn();
    const child = spawn(column);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const patience = clock.after(WORKER_START_TIMEOUT_MS, () => child.kill('SIGKILL'));
    const member = crew.seat(column, child.pid, {
      onServing: () => {
        patience.cancel();
        resolve();
      },
      onLeaving: () => this.#onLeaving(hand),
    });
    const startedAtMs = clock.monotonic();
    const hand: Hand = { column, process: child, member, startedAtMs, isDismissed: false, serving: promise };
    this.#hands.add(hand);
    void child.exited.then((code) => {
      patience.cancel();
      this.#onExit(hand, code);
      reject(workerFailed(code));
    });
    promise.catch(() => {
      // Said by `start` and `restart` to who waits; a replacement that fails is replaced again.
    });
    return hand;
  }

  #dismiss(hand: Hand, timeoutMs: number, idleMs: number): void {
    hand.isDismissed = true;
    hand.member.state = 'draining';
    hand.member.send({ type: 'drain', timeoutMs, idleMs });
  }

  /** One that hangs answers nobody, and its exchanges would count for ever: it is ended, and another takes its place. */
  #listenForSilence(lookedAtMs: number): void {
    const { clock, log } = this.#options;
    this.#listening = clock.after(COUNTS_PERIOD_MS, () => {
      const nowMs = clock.monotonic();
      const wasAway = nowMs - lookedAtMs > COUNTS_PERIOD_MS + WORKER_LOOK_LATE_MS;
      for (const { member, process } of this.#hands) {
        if (member.heardAtMs === null || member.state === 'starting') continue;
        if (wasAway) member.heardAtMs = nowMs;
        const silentMs = nowMs - member.heardAtMs;
        if (silentMs < WORKER_SILENCE_MS) continue;
        log.error('a worker hangs and is ended', { pid: process.pid, silentMs });
        process.kill('SIGKILL');
      }
      this.#listenForSilence(nowMs);
    });
  }

  /** It goes by itself; its place is filled before it is gone. */
  #onLeaving(hand: Hand): void {
    if (hand.isDismissed || this.#isStopping) return;
    hand.isDismissed = true;
    this.#replaceLater(0);
  }

  #onExit(hand: Hand, code: number): void {
    const { crew, onDead, log, clock } = this.#options;
    // The board is the next daemon's by now.
    if (this.#isAbandoned) return;
    this.#hands.delete(hand);
    crew.unseat(hand.column);
    onDead(hand.column);
    this.#freeColumns.push(hand.column);
    if (hand.isDismissed || this.#isStopping) return;
    log.error('a worker ended; another one takes its place', { pid: hand.process.pid, code });
    if (clock.monotonic() - hand.startedAtMs > WORKER_RESTART_FORGET_MS) {
      this.#restartMs = WORKER_RESTART_FIRST_MS;
    }
    this.#replaceLater(this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, WORKER_RESTART_LONGEST_MS);
  }

  #replaceLater(delayMs: number): void {
    this.restartCount += 1;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#pending.delete(timer);
      if (this.#freeColumns.length === 0) this.#replaceLater(WORKER_RESTART_LONGEST_MS);
      else this.#begin();
    });
    this.#pending.add(timer);
  }

  #stopReplacing(): void {
    this.#isStopping = true;
    this.#listening?.cancel();
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }
}

/** What a worker may take beyond its time before it is killed. */
const STOP_GRACE_MS = 2_000;

/** It may have ended a moment ago. */
function killQuietly(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function noColumn(): LumaError {
  return new LumaError('board_full', 'every column of the board has a worker', {
    hint: 'workers that were restarted still finish what they have: try again when they are done',
  });
}

function workerFailed(code: number): LumaError {
  return new LumaError('worker_failed', `a worker process ended with code ${code} before it served`, {
    hint: 'the lines above say why; --debug says more',
  });
}
