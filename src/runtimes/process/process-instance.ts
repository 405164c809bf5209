/**
 * One instance as a local process. Owns its folder, its output and its run; calls for it are made one after the
 * other. What runs is told by the folder and /proc alone, so that any Luma can take it over.
 */
import type { Clock } from '../../base/clock.ts';
import { assert, LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Mailbox } from '../../base/mailbox.ts';
import type {
  ExecOptions,
  ExecOutcome,
  InstanceExit,
  InstanceSpec,
  LogLine,
  LogOptions,
  ObservedInstance,
  RuntimeEvent,
  StartedInstance,
} from '../contract.ts';
import { runBeside } from './beside.ts';
import type { InstanceFiles, Run } from './instance-files.ts';
import type { Launcher } from './launcher.ts';
import { KEPT_LINES_MAX, LOOK_BUSY_MS, LOOK_MS, LOOK_TOGETHER_PART } from './limits.ts';
import { pauseAfter } from './look-pace.ts';
import { hasLostPort } from './lost-port.ts';
import { findLeader, findNewborn } from './orphans.ts';
import { Output } from './output.ts';
import { portFor } from './ports.ts';
import type { InstanceMark, ProcessSession } from './process-session.ts';
import { identify, outOfMemoryKills } from './process-table.ts';
import { RunningProcess } from './running-process.ts';

/** What all instances of a runtime share. */
export interface InstanceSurroundings {
  readonly installationId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly launcher: Launcher;
  readonly emit: (event: RuntimeEvent) => void;
  /** It runs from now on, or somebody follows it: it wants to be looked at soon. */
  readonly lookSoon: (instance: ProcessInstance) => void;
  /** Whether another instance, asleep or awake, has the port. */
  readonly isPortReserved: (port: number, byOtherThan: string) => boolean;
  /** 0 to 1; where the search for a port begins. */
  readonly random: () => number;
}

/** How many last lines are searched for a complaint about the port. */
const LAST_WORDS_LINES = 20;

export class ProcessInstance {
  readonly #files: InstanceFiles;
  readonly #output: Output;
  readonly #surroundings: InstanceSurroundings;
  readonly #mailbox: Mailbox;
  readonly #mark: InstanceMark;
  #spec: InstanceSpec;
  #running: RunningProcess | null = null;
  /** Of a run that ended while nobody watched. */
  #leftOver: ProcessSession | null = null;
  #port: number | null;
  /** When its output wants to be looked at, how long after the last time that is, and when its end does if nobody tells. */
  #outputDueAt = 0;
  #outputPauseMs = LOOK_MS;
  #endDueAt = 0;

  constructor(spec: InstanceSpec, files: InstanceFiles, surroundings: InstanceSurroundings) {
    this.#spec = spec;
    this.#files = files;
    this.#surroundings = surroundings;
    this.#output = new Output(files.folder);
    this.#mailbox = new Mailbox({ name: `instance ${spec.instanceId}` });
    this.#mark = { installationId: surroundings.installationId, instanceId: spec.instanceId };
    this.#port = files.readRun()?.port ?? null;
  }

  get instanceId(): string {
    return this.#spec.instanceId;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** The port of its last run, which it would like to have again. */
  get port(): number | null {
    return this.#port;
  }

  prepare(spec: InstanceSpec): Promise<void> {
    return this.#mailbox.post(() => {
      this.#surroundings.launcher.rehearse(spec);
      this.#files.writeSpec(spec);
      this.#spec = spec;
    });
  }

  start(signal: AbortSignal | undefined): Promise<StartedInstance> {
    return this.#mailbox.post(async () => {
      signal?.throwIfAborted();
      const running = await this.#settled();
      if (running) return this.#thawed(running);
      if (!this.#files.readSpec()) throw notFound(this.#spec.instanceId);
      return this.#launch();
    });
  }

  freeze(): Promise<void> {
    return this.#mailbox.post(async () => {
      const running = this.#mustRun(await this.#settled());
      if (running.run.isFrozen) return;
      // Written first: a Luma that dies in between leaves one that a thaw can wake.
      this.#save(running, { ...running.run, isFrozen: true });
      await running.session.suspend();
      this.#surroundings.emit({ kind: 'frozen', instanceId: this.#spec.instanceId });
    });
  }

  thaw(): Promise<StartedInstance> {
    return this.#mailbox.post(async () => this.#thawed(this.#mustRun(await this.#settled())));
  }

  /** Not in the mailbox: a stop waits for no command. */
  exec(command: readonly string[], options: ExecOptions): Promise<ExecOutcome> {
    if (!this.#running) this.#adopt();
    const { run } = this.#mustRun(this.#running?.isAlive ? this.#running : null);
    const { launcher, clock } = this.#surroundings;
    return runBeside(() => launcher.run(this.#spec, run.port, command), clock, options);
  }

  stop(timeoutMs: number): Promise<InstanceExit | null> {
    return this.#mailbox.post(async () => {
      const running = await this.#settled();
      if (!running) return this.#files.readRun()?.exit ?? null;
      await running.terminate(timeoutMs);
      return this.#putAway(running);
    });
  }

  /** `keep` gets its last lines before everything goes. */
  remove(keep: (lines: readonly LogLine[]) => void): Promise<void> {
    return this.#mailbox.post(async () => {
      const running = await this.#settled();
      if (running) await this.#conclude(running);
      const lines = await this.#lastLines(KEPT_LINES_MAX);
      this.#try('the last lines cannot be kept', () => keep(lines));
      this.#files.remove();
      this.#output.end();
      this.#port = null;
      this.#surroundings.emit({ kind: 'removed', instanceId: this.#spec.instanceId });
    });
  }

  /** Never waits for calls under way. */
  observe(): ObservedInstance {
    const { instanceId, project, revision } = this.#spec;
    if (!this.#running) this.#adopt();
    if (this.#leftOver) this.#later('sweeping', () => this.#sweep());
    const one = { instanceId, project, revision };
    if (this.#running) {
      const { run, address } = this.#running;
      return { ...one, state: run.isFrozen ? 'frozen' : 'running', address };
    }
    const exit = this.#files.readRun()?.exit;
    return exit ? { ...one, state: 'exited', exit } : { ...one, state: 'prepared' };
  }

  /** When it wants to be looked at again, on the clock's monotonic time; null while it does not run. */
  get nextLookAt(): number | null {
    if (!this.#running) return null;
    return this.#running.isChild ? this.#outputDueAt : Math.min(this.#outputDueAt, this.#endDueAt);
  }

  /** As a timer goes off: soon enough after its last look to be looked at along with those who wanted it. */
  isToBeLookedAt(now: number): boolean {
    if (!this.#running) return false;
    return this.#isOutputDue(now) || (!this.#running.isChild && isAlmost(this.#endDueAt, LOOK_MS, now));
  }

  /** Notes new output, and the end of a process that is not our child. */
  look(): void {
    const now = this.#surroundings.clock.monotonic();
    this.#endDueAt = now + LOOK_MS;
    if (this.#isOutputDue(now)) this.#lookAtOutput();
    const running = this.#running;
    if (running?.hasEnded) this.#concludeLater(running);
  }

  /** Ends its followers; the instance itself goes on. */
  close(): void {
    this.#output.end();
  }

  logs(options: LogOptions): AsyncIterable<LogLine> {
    // A follower waits no longer than a busy pause for its first new line.
    if (options.follow) this.#lookSoon();
    return this.#output.read(this.#surroundings.clock.now(), options);
  }

  #launch(): StartedInstance {
    const { clock, launcher, emit } = this.#surroundings;
    const port = this.#findPort();
    const run: Run = {
      port,
      startedAt: clock.now(),
      process: null,
      isFrozen: false,
      outOfMemoryKills: outOfMemoryKills(),
      exit: null,
      lostPort: false,
    };
    this.#files.writeRun(run);
    this.#port = port;
    const child = launcher.launch(this.#spec, port, this.#output, () => this.#concludeLater(running));
    const leader = identify(child.pid);
    assert(leader, 'a child that was not waited for has an entry in /proc');
    const running = new RunningProcess(run, leader, this.#mark, child, clock);
    this.#running = running;
    this.#save(running, { ...run, process: leader });
    this.#lookSoon();
    emit({ kind: 'started', instanceId: this.#spec.instanceId });
    return { address: running.address };
  }

  #findPort(): number {
    const { isPortReserved, random } = this.#surroundings;
    const isReserved = (port: number): boolean => isPortReserved(port, this.#spec.instanceId);
    return portFor(this.#spec.settings.containerPort, this.#files.readRun(), isReserved, random);
  }

  #thawed(running: RunningProcess): StartedInstance {
    if (running.run.isFrozen) {
      running.session.signal('SIGCONT');
      this.#save(running, { ...running.run, isFrozen: false });
      this.#surroundings.emit({ kind: 'thawed', instanceId: this.#spec.instanceId });
    }
    return { address: running.address };
  }

  /** What runs, once everything that ended has been put away; null when nothing does. */
  async #settled(): Promise<RunningProcess | null> {
    if (!this.#running) this.#adopt();
    await this.#sweep();
    if (this.#running && !this.#running.isAlive) await this.#conclude(this.#running);
    return this.#running;
  }

  /**
   * Takes over what an earlier Luma, or another one, has started. When that ended while nobody watched, the
   * record is closed; others of its session may be left.
   */
  #adopt(): void {
    const run = this.#files.readRun();
    if (!run || run.exit) return;
    const leader = run.process ?? findLeader(this.#mark) ?? findNewborn(this.#output.path);
    if (!leader) return;
    const { clock } = this.#surroundings;
    const running = new RunningProcess({ ...run, process: leader }, leader, this.#mark, null, clock);
    this.#port = run.port;
    if (!running.isAlive) {
      const exit = { code: null, signal: null, outOfMemory: false, at: clock.now() };
      this.#save(running, { ...run, process: leader, exit });
      this.#leftOver = running.session;
      return;
    }
    this.#running = running;
    if (!run.process) this.#save(running, running.run);
    this.#lookSoon();
  }

  /** Always before a new run begins: its processes carry the same mark. */
  async #sweep(): Promise<void> {
    const leftOver = this.#leftOver;
    this.#leftOver = null;
    await leftOver?.kill();
  }

  /** Ends whoever is left of it. */
  async #conclude(running: RunningProcess): Promise<InstanceExit> {
    await running.kill();
    return this.#putAway(running);
  }

  /** Nobody of it is left: writes down how it ended, and tells. */
  async #putAway(running: RunningProcess): Promise<InstanceExit> {
    const exit = await running.exit();
    this.#output.finish(this.#surroundings.clock.now());
    const lostPort = exit.code !== 0 && hasLostPort(await this.#lastLines(LAST_WORDS_LINES));
    this.#save(running, { ...running.run, exit, lostPort });
    this.#running = null;
    this.#surroundings.emit({ kind: 'exited', instanceId: this.#spec.instanceId, exit });
    return exit;
  }

  #isOutputDue(now: number): boolean {
    return isAlmost(this.#outputDueAt, this.#outputPauseMs, now);
  }

  #lookAtOutput(): void {
    const pauseMs = this.#outputPauseMs;
    // Also when this fails.
    this.#lookAfter(LOOK_MS);
    const addedBytes = this.#output.look(this.#surroundings.clock.now());
    this.#lookAfter(pauseAfter({ addedBytes, pauseMs, isFollowed: this.#output.isFollowed }));
  }

  #lookAfter(pauseMs: number): void {
    this.#outputPauseMs = pauseMs;
    this.#outputDueAt = this.#surroundings.clock.monotonic() + pauseMs;
  }

  #lookSoon(): void {
    this.#lookAfter(LOOK_BUSY_MS);
    this.#endDueAt = this.#outputDueAt;
    this.#surroundings.lookSoon(this);
  }

  #concludeLater(running: RunningProcess): void {
    if (running.isConcluding || running !== this.#running) return;
    running.isConcluding = true;
    this.#later('putting away', async () => {
      // A failed attempt is repeated at the next look.
      running.isConcluding = false;
      if (running === this.#running) await this.#conclude(running);
    });
  }

  #later(what: string, task: () => Promise<void>): void {
    this.#mailbox.post(task).catch((error: unknown) => {
      const { log } = this.#surroundings;
      log.error(`${what} instance ${this.#spec.instanceId} failed`, { error: messageOf(error) });
    });
  }

  /**
   * The run on disk is what the next Luma goes by. When it cannot be written this one goes on, and the next
   * finds the process by its mark, or sees that it is gone.
   */
  #save(running: RunningProcess, run: Run): void {
    running.run = run;
    this.#try('its run cannot be written', () => this.#files.writeRun(run));
  }

  /** For what is good to have, and no reason to fail. */
  #try(failure: string, attempt: () => void): void {
    try {
      attempt();
    } catch (error) {
      const { log } = this.#surroundings;
      log.warn(`instance ${this.#spec.instanceId}: ${failure}`, { error: messageOf(error) });
    }
  }

  async #lastLines(tail: number): Promise<readonly LogLine[]> {
    return Array.fromAsync(this.logs({ tail }));
  }

  #mustRun(running: RunningProcess | null): RunningProcess {
    if (running) return running;
    const { instanceId } = this.#spec;
    if (!this.#files.readSpec()) throw notFound(instanceId);
    const exit = this.#files.readRun()?.exit;
    throw new LumaError(
      'instance_exited',
      `instance ${instanceId} does not run`,
      exit ? { details: { exit } } : {},
    );
  }
}

function isAlmost(dueAt: number, pauseMs: number, now: number): boolean {
  return now >= dueAt - pauseMs * LOOK_TOGETHER_PART;
}

export function notFound(instanceId: string): LumaError {
  return new LumaError('instance_not_found', `there is no instance ${instanceId}`, {
    hint: 'prepare it first',
    details: { instanceId },
  });
}
