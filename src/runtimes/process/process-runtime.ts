/**
 * The runtime of local processes. Owns the table of instances and the one timer that looks at the running ones;
 * the folders under `<dataDir>/instances` and /proc are the truth, the table only remembers.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import { LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SecretKey } from '../../base/sealed-text.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type {
  ExecOptions,
  ExecOutcome,
  InstanceExit,
  InstanceSpec,
  LogLine,
  LogOptions,
  ObservedInstance,
  PreparedInstance,
  PrepareOptions,
  Runtime,
  RuntimeEvent,
  StartedInstance,
} from '../contract.ts';
import { InstanceFiles } from './instance-files.ts';
import { KeptOutput } from './kept-output.ts';
import { Launcher } from './launcher.ts';
import { findStrays, killStray } from './orphans.ts';
import { findProblems, type SettingsProblem } from './problems.ts';
import { type InstanceSurroundings, notFound, ProcessInstance } from './process-instance.ts';
import { chooseRunUser, type RunUser } from './run-user.ts';
import { Stage } from './stage.ts';

export interface ProcessRuntimeOptions {
  readonly installationId: string;
  /** Instances lie in `instances`, what is kept of removed ones in `removed-instances`. */
  readonly dataDir: string;
  /** What the environment of instances is sealed with on disk: the same in every life of the installation. */
  readonly instanceKey: SecretKey;
  readonly clock: Clock;
  readonly log: Log;
  /** Whom instances run as when Luma is root: a name or `uid:gid`. Default `luma` if it exists, else `nobody`. */
  readonly user?: string;
}

export class ProcessRuntime implements Runtime {
  readonly kind = 'process';
  readonly #installationId: string;
  readonly #folder: string;
  readonly #instanceKey: SecretKey;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #user: RunUser;
  readonly #stage: Stage;
  readonly #kept: KeptOutput;
  readonly #surroundings: InstanceSurroundings;
  readonly #instances = new Map<string, ProcessInstance>();
  /** Those that may run: of thousands, few do. */
  readonly #lookedAt = new Set<ProcessInstance>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: ProcessRuntimeOptions) {
    const { installationId, dataDir, clock, log } = options;
    this.#installationId = installationId;
    this.#folder = join(dataDir, 'instances');
    this.#instanceKey = options.instanceKey;
    this.#clock = clock;
    this.#log = log;
    this.#user = chooseRunUser(options.user);
    this.#stage = new Stage({ user: this.#user, folders: stageFolders(dataDir, installationId) });
    this.#kept = new KeptOutput(join(dataDir, 'removed-instances'));
    this.#surroundings = this.#makeSurroundings();
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  async describe(): Promise<{ readonly name: string; readonly version: string }> {
    return { name: `local processes as ${this.#user.name}`, version: `Linux ${release()}` };
  }

  check(settings: RevisionSettings): readonly SettingsProblem[] {
    return findProblems(settings, this.#user);
  }

  /** A fixed port belongs to one process. */
  canRunSeveral({ containerPort }: RevisionSettings): boolean {
    return containerPort === null;
  }

  async prepare(spec: InstanceSpec, options: PrepareOptions = {}): Promise<PreparedInstance> {
    options.signal?.throwIfAborted();
    const [problem] = this.check(spec.settings);
    if (problem) {
      throw new LumaError(problem.code, `${problem.field} ${problem.message}`, { fields: [problem] });
    }
    if (!isInstanceId(spec.instanceId)) {
      throw new LumaError('runtime_failed', `${spec.instanceId} cannot be an instance's name`);
    }
    await (this.#find(spec.instanceId) ?? this.#remember(spec)).prepare(spec);
    return { pinnedImage: null };
  }

  async start(instanceId: string, signal?: AbortSignal): Promise<StartedInstance> {
    return this.#mustFind(instanceId).start(signal);
  }

  async freeze(instanceId: string): Promise<void> {
    await this.#mustFind(instanceId).freeze();
  }

  async exec(instanceId: string, command: readonly string[], options: ExecOptions): Promise<ExecOutcome> {
    return this.#mustFind(instanceId).exec(command, options);
  }

  async thaw(instanceId: string): Promise<StartedInstance> {
    return this.#mustFind(instanceId).thaw();
  }

  async stop(instanceId: string, timeoutMs: number): Promise<InstanceExit | null> {
    return (await this.#find(instanceId)?.stop(timeoutMs)) ?? null;
  }

  async remove(instanceId: string): Promise<void> {
    const instance = this.#find(instanceId);
    if (instance) {
      await instance.remove((lines) => this.#kept.keep(instanceId, lines));
      this.#instances.delete(instanceId);
    } else if (isInstanceId(instanceId)) {
      await killStray({ installationId: this.#installationId, instanceId }, this.#clock);
      this.#filesOf(instanceId).remove();
    }
    if (readdirSync(this.#folder).length === 0) this.#stage.clear();
  }

  async list(): Promise<readonly ObservedInstance[]> {
    this.#forgetVanished();
    for (const instanceId of readdirSync(this.#folder)) this.#tryFind(instanceId);
    const known = [...this.#instances.values()].map((instance) => instance.observe());
    return [...known, ...findStrays(this.#installationId, (instanceId) => this.#instances.has(instanceId))];
  }

  watch(listener: (event: RuntimeEvent) => void): () => void {
    // Wrapped, so that the same function given twice is two watchers.
    const watcher = (event: RuntimeEvent): void => listener(event);
    this.#listeners.add(watcher);
    return () => void this.#listeners.delete(watcher);
  }

  async *logs(instanceId: string, options: LogOptions = {}): AsyncGenerator<LogLine> {
    const instance = this.#find(instanceId);
    if (instance) return yield* instance.logs(options);
    const kept = isInstanceId(instanceId) ? this.#kept.read(instanceId, options) : null;
    if (!kept) throw notFound(instanceId);
    yield* kept;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#listeners.clear();
    for (const instance of this.#instances.values()) instance.close();
  }

  #filesOf(instanceId: string): InstanceFiles {
    return new InstanceFiles(join(this.#folder, instanceId), this.#instanceKey);
  }

  #mustFind(instanceId: string): ProcessInstance {
    const instance = this.#find(instanceId);
    if (!instance) throw notFound(instanceId);
    return instance;
  }

  /** Null when nothing on disk knows it, and it does not run. */
  #find(instanceId: string): ProcessInstance | null {
    const known = this.#instances.get(instanceId);
    if (known) return known;
    if (!isInstanceId(instanceId)) return null;
    const spec = this.#filesOf(instanceId).readSpec();
    return spec && this.#remember(spec);
  }

  /** One unreadable folder must not hide all the others. */
  #tryFind(instanceId: string): void {
    try {
      this.#find(instanceId);
    } catch (error) {
      this.#log.error(`instance ${instanceId} cannot be read`, { error: messageOf(error) });
    }
  }

  #remember(spec: InstanceSpec): ProcessInstance {
    const files = this.#filesOf(spec.instanceId);
    const instance = new ProcessInstance(spec, files, this.#surroundings);
    this.#instances.set(spec.instanceId, instance);
    return instance;
  }

  #forgetVanished(): void {
    for (const [instanceId, instance] of this.#instances) {
      if (!instance.isRunning && !existsSync(join(this.#folder, instanceId))) {
        this.#instances.delete(instanceId);
      }
    }
  }

  #makeSurroundings(): InstanceSurroundings {
    return {
      installationId: this.#installationId,
      clock: this.#clock,
      log: this.#log,
      launcher: new Launcher(this.#installationId, this.#user, this.#stage),
      emit: (event) => {
        for (const tell of [...this.#listeners]) tell(event);
      },
      lookSoon: (instance) => {
        this.#lookedAt.add(instance);
        this.#plan();
      },
      isPortReserved: (port, byOtherThan) =>
        [...this.#instances].some(([instanceId, one]) => one.port === port && instanceId !== byOtherThan),
      random: () => randomBytes(4).readUInt32LE() / 2 ** 32,
    };
  }

  /** One timer for all, at the earliest time that any of them wants. */
  #plan(): void {
    this.#timer?.cancel();
    if (this.#isClosed) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const instance of this.#lookedAt) {
      const { nextLookAt } = instance;
      if (nextLookAt === null) this.#lookedAt.delete(instance);
      else earliest = Math.min(earliest, nextLookAt);
    }
    if (this.#lookedAt.size === 0) return;
    this.#timer = this.#clock.after(earliest - this.#clock.monotonic(), () => this.#look());
  }

  #look(): void {
    const now = this.#clock.monotonic();
    for (const instance of this.#lookedAt) {
      if (!instance.isToBeLookedAt(now)) continue;
      try {
        instance.look();
      } catch (error) {
        // It is tried again at the next look; the others must not suffer.
        this.#log.error(`instance ${instance.instanceId} cannot be looked at`, { error: messageOf(error) });
      }
    }
    this.#plan();
  }
}

/** It becomes a folder's name. */
function isInstanceId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(text);
}

/** The data directory is the natural place, but root's is mostly closed to everybody else. */
function stageFolders(dataDir: string, installationId: string): readonly string[] {
  const name = `luma-${installationId.replace(/[^A-Za-z0-9-]/g, '-')}`;
  return [join(dataDir, 'stage'), join('/var/lib', name), join('/tmp', name)];
}
