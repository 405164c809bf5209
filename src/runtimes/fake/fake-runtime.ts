/**
 * A runtime in memory, on a clock, that fails in every way the script asks for. Owns only its watchers and the
 * calls that wait for a reply; the instances are its engine's.
 */
import { type Clock, delay } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import {
  EXEC_OUTPUT_BYTES_MAX,
  type ExecOptions,
  type ExecOutcome,
  type InstanceExit,
  type InstanceSpec,
  type LogLine,
  type LogOptions,
  type ObservedInstance,
  type PreparedInstance,
  type PrepareOptions,
  type Runtime,
  type RuntimeEvent,
  type StartedInstance,
} from '../contract.ts';
import type { FakeOperation } from './behaviour.ts';
import type { FakeEngine, FakeInstance } from './fake-engine.ts';
import { type FakeScript, unavailable } from './script.ts';

type Problems = ReturnType<Runtime['check']>;

export interface FakeRuntimeParts {
  readonly clock: Clock;
  readonly engine: FakeEngine;
  readonly installationId: string;
  readonly check: (settings: RevisionSettings) => Problems;
}

export class FakeRuntime implements Runtime {
  readonly kind = 'fake';
  readonly engine: FakeEngine;
  readonly #clock: Clock;
  readonly #installationId: string;
  readonly #check: (settings: RevisionSettings) => Problems;
  readonly #closing = new AbortController();
  readonly #unwatch = new Set<() => void>();
  readonly #silences = new Set<(reason: LumaError) => void>();

  constructor({ clock, engine, installationId, check }: FakeRuntimeParts) {
    this.engine = engine;
    this.#clock = clock;
    this.#installationId = installationId;
    this.#check = check;
  }

  get script(): FakeScript {
    return this.engine.script;
  }

  async describe(): Promise<{ readonly name: string; readonly version: string }> {
    this.script.admit('describe', null);
    return { name: 'fake', version: '1' };
  }

  check(settings: RevisionSettings): Problems {
    return this.#check(settings);
  }

  canRunSeveral(): boolean {
    return true;
  }

  async prepare(spec: InstanceSpec, { signal, onProgress }: PrepareOptions = {}): Promise<PreparedInstance> {
    this.script.admit('prepare', spec.instanceId);
    signal?.throwIfAborted();
    const { prepareMs = 0, refuse } = this.script.behaviourOf(spec);
    if (prepareMs > 0) {
      onProgress?.(`preparing ${spec.instanceId}`);
      await delay(this.#clock, prepareMs, signal);
    }
    if (refuse?.prepare) throw refuse.prepare;
    this.engine.prepare(this.#installationId, spec);
    await this.#reply('prepare', spec.instanceId);
    const { image } = spec.settings;
    return {
      pinnedImage: spec.pinnedImage ?? (image === null ? null : `${image}@fake:${this.engine.imageVersion}`),
    };
  }

  start(instanceId: string, signal?: AbortSignal): Promise<StartedInstance> {
    return this.#call('start', instanceId, async (instance) => {
      signal?.throwIfAborted();
      return { address: await this.engine.start(instance, signal) };
    });
  }

  freeze(instanceId: string): Promise<void> {
    return this.#call('freeze', instanceId, (instance) => this.engine.freeze(instance));
  }

  thaw(instanceId: string): Promise<StartedInstance> {
    return this.#call('thaw', instanceId, (instance) => ({ address: this.engine.thaw(instance) }));
  }

  /** Beside the calls that change it: it waits for none of them. */
  async exec(instanceId: string, command: readonly string[], options: ExecOptions): Promise<ExecOutcome> {
    this.script.admit('exec', instanceId);
    const instance = this.#find(instanceId);
    if (!instance) throw notFound(instanceId);
    const refusal = this.script.behaviourOf(instance.spec).refuse?.exec;
    if (refusal) throw refusal;
    const outcome = await this.engine.exec(instance, command, options);
    return { ...outcome, output: outcome.output.slice(-EXEC_OUTPUT_BYTES_MAX) };
  }

  async stop(instanceId: string, timeoutMs: number): Promise<InstanceExit | null> {
    if (!this.#find(instanceId)) {
      this.script.admit('stop', instanceId);
      return null;
    }
    return this.#call('stop', instanceId, (instance) => this.engine.stop(instance, timeoutMs));
  }

  async remove(instanceId: string): Promise<void> {
    if (this.#find(instanceId)) {
      return this.#call('remove', instanceId, (instance) => this.engine.remove(instance));
    }
    this.script.admit('remove', instanceId);
  }

  async list(): Promise<readonly ObservedInstance[]> {
    this.script.admit('list', null);
    return this.engine.list(this.#installationId);
  }

  watch(listener: (event: RuntimeEvent) => void): () => void {
    const unwatch = this.engine.watch(this.#installationId, (event) => listener(event));
    this.#unwatch.add(unwatch);
    return () => {
      this.#unwatch.delete(unwatch);
      unwatch();
    };
  }

  async *logs(instanceId: string, options: LogOptions = {}): AsyncGenerator<LogLine> {
    if (!this.script.isAvailable) throw unavailable();
    const output = this.engine.outputOf(this.#installationId, instanceId);
    if (!output) throw notFound(instanceId);
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    yield* output.read({ ...options, signal });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const unwatch of this.#unwatch) unwatch();
    this.#unwatch.clear();
    for (const giveUp of this.#silences) giveUp(unavailable());
    this.#silences.clear();
  }

  #find(instanceId: string): FakeInstance | null {
    return this.engine.find(this.#installationId, instanceId);
  }

  async #call<T>(
    operation: FakeOperation,
    instanceId: string,
    act: (instance: FakeInstance) => Promise<T> | T,
  ): Promise<T> {
    this.script.admit(operation, instanceId);
    const instance = this.#find(instanceId);
    if (!instance) throw notFound(instanceId);
    const done = await instance.mailbox.post(() => {
      if (!this.#find(instanceId)) throw notFound(instanceId);
      const refusal = this.script.behaviourOf(instance.spec).refuse?.[operation];
      if (refusal) throw refusal;
      return act(instance);
    });
    await this.#reply(operation, instanceId);
    return done;
  }

  /** The engine has acted; whether its caller hears so is another matter. */
  async #reply(operation: FakeOperation, instanceId: string): Promise<void> {
    const loss = this.script.takeLoss(operation, instanceId);
    if (loss === 'error') throw unavailable();
    if (loss !== 'silence') return;
    await new Promise<never>((_, reject) => {
      this.#silences.add(reject);
    });
  }
}

function notFound(instanceId: string): LumaError {
  return new LumaError('instance_not_found', `there is no instance ${instanceId}`, {
    hint: 'prepare it first',
    details: { instanceId },
  });
}
