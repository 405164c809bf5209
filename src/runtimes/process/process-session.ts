/**
 * All processes of one running instance: its session, and whoever left the session but carries its mark in the
 * environment. Never signals a process that it has not just recognised.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { KILL_PATIENCE_MS } from './limits.ts';
import {
  bootId,
  environmentOf,
  findAlive,
  isAlive,
  listProcesses,
  type ProcessEntry,
  type ProcessIdentity,
} from './process-table.ts';

/** What every process of an instance is started with, and what a search by hand finds it by. */
export interface InstanceMark {
  readonly installationId: string;
  readonly instanceId: string;
}

export class ProcessSession {
  readonly #mark: InstanceMark;
  readonly #clock: Clock;
  /**
   * True from when the leader was seen alive until the session was seen empty. As long as it has a process,
   * the kernel gives its number to nobody else; without that, only the mark in the environment is believed.
   */
  #isHeld = false;

  constructor(
    readonly leader: ProcessIdentity,
    mark: InstanceMark,
    clock: Clock,
  ) {
    this.#mark = mark;
    this.#clock = clock;
    this.isLeaderAlive();
  }

  isLeaderAlive(): boolean {
    const isLeaderAlive = findAlive(this.leader) !== null;
    if (isLeaderAlive) this.#isHeld = true;
    return isLeaderAlive;
  }

  /** Whoever of the instance is alive. */
  members(): readonly ProcessEntry[] {
    const all = listProcesses();
    const { pid, startTicks } = this.leader;
    if (all.some((one) => one.pid === pid && one.startTicks !== startTicks)) this.#isHeld = false;
    const members = all.filter(
      (one) => isAlive(one) && (this.#isInSession(one) || isMarked(one.pid, this.#mark)),
    );
    if (members.length === 0) this.#isHeld = false;
    return members;
  }

  signal(name: 'SIGTERM' | 'SIGCONT'): void {
    for (const member of this.members()) sendSignal(member.pid, name);
  }

  /** SIGSTOP until nobody runs any more: a process may have been born between the look and the signal. */
  async suspend(): Promise<void> {
    await this.#repeat('SIGSTOP', (member) => member.state !== 'T' && member.state !== 't');
  }

  async kill(): Promise<void> {
    await this.#repeat('SIGKILL', () => true);
  }

  async #repeat(name: 'SIGSTOP' | 'SIGKILL', concerns: (member: ProcessEntry) => boolean): Promise<void> {
    const deadline = this.#clock.monotonic() + KILL_PATIENCE_MS;
    for (let pauseMs = 1; ; pauseMs = Math.min(20, pauseMs * 2)) {
      const left = this.members().filter(concerns);
      if (left.length === 0) return;
      if (this.#clock.monotonic() > deadline) {
        const pids = left.map((member) => member.pid).join(', ');
        throw new LumaError('runtime_failed', `the kernel does not end ${name} for process ${pids}`, {
          hint: 'it hangs in the kernel, mostly on a broken disk or network file system',
        });
      }
      for (const member of left) sendSignal(member.pid, name);
      await delay(this.#clock, pauseMs);
    }
  }

  #isInSession(entry: ProcessEntry): boolean {
    const { pid, startTicks } = this.leader;
    // The leader itself also in its first moment, before it has its session.
    if (entry.pid === pid) return entry.startTicks === startTicks && this.leader.bootId === bootId();
    return this.#isHeld && entry.sessionId === pid && entry.startTicks >= startTicks;
  }
}

/** Whether a process was started as part of this very instance of this very installation. */
export function isMarked(pid: number, mark: InstanceMark): boolean {
  const variables = environmentOf(pid);
  return (
    variables?.get('LUMA_INSTANCE_ID') === mark.instanceId &&
    variables.get('LUMA_INSTALLATION_ID') === mark.installationId
  );
}

/** A process that is gone already needs no signal. */
function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
