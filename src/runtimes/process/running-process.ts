/**
 * A run that goes on: the leader, its session, and whether it is our child or was adopted from an earlier Luma.
 * Only a parent hears the exit status; of an adopted one nobody will ever know it.
 */
import { type Clock, delay } from '../../base/clock.ts';
import type { InstanceAddress, InstanceExit } from '../contract.ts';
import type { Run } from './instance-files.ts';
import { type InstanceMark, ProcessSession } from './process-session.ts';
import { outOfMemoryKills, type ProcessIdentity } from './process-table.ts';

const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 20;

export class RunningProcess {
  readonly session: ProcessSession;
  /** Somebody will put it away already. */
  isConcluding = false;
  readonly #child: Bun.Subprocess | null;
  readonly #clock: Clock;
  #wasKilled = false;

  constructor(
    /** As it is on disk; replaced by its owner only. */
    public run: Run,
    leader: ProcessIdentity,
    mark: InstanceMark,
    child: Bun.Subprocess | null,
    clock: Clock,
  ) {
    this.session = new ProcessSession(leader, mark, clock);
    this.#child = child;
    this.#clock = clock;
  }

  get address(): InstanceAddress {
    return { host: '127.0.0.1', port: this.run.port, readiness: 'connect' };
  }

  /** Its end is heard, and need not be looked for. */
  get isChild(): boolean {
    return this.#child !== null;
  }

  get isAlive(): boolean {
    return this.session.isLeaderAlive();
  }

  /** As far as is heard: a child's end is told to its parent, and only of one that was adopted has /proc to be asked. */
  get hasEnded(): boolean {
    if (!this.#child) return !this.isAlive;
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** SIGTERM to everybody, and SIGKILL to whoever is left after `timeoutMs`. */
  async terminate(timeoutMs: number): Promise<void> {
    const deadline = this.#clock.monotonic() + timeoutMs;
    this.session.signal('SIGTERM');
    // A suspended process gets its signal only when it goes on.
    if (this.run.isFrozen) this.session.signal('SIGCONT');
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2)) {
      if (!this.isAlive && this.session.members().length === 0) return;
      const leftMs = deadline - this.#clock.monotonic();
      if (leftMs <= 0) return this.kill();
      await delay(this.#clock, Math.min(pauseMs, leftMs));
    }
  }

  /** Nobody of it is alive afterwards, children that outlived their parent included. */
  async kill(): Promise<void> {
    if (this.isAlive) this.#wasKilled = true;
    await this.session.kill();
  }

  /** How it ended; only once it has. */
  async exit(): Promise<InstanceExit> {
    const at = this.#clock.now();
    if (!this.#child) {
      return { code: null, signal: this.#wasKilled ? 'SIGKILL' : null, outOfMemory: false, at };
    }
    await this.#child.exited;
    const { exitCode, signalCode } = this.#child;
    // Without a control group the kernel's counter is all there is: it killed somebody since the start.
    const outOfMemory =
      signalCode === 'SIGKILL' && !this.#wasKilled && outOfMemoryKills() > this.run.outOfMemoryKills;
    return {
      code: signalCode === null ? exitCode : null,
      signal: signalCode === null ? null : String(signalCode),
      outOfMemory,
      at,
    };
  }
}
