/**
 * The engine that fake runtimes share, as a machine's one Docker daemon is shared by several Lumas. Owns the
 * instances of all installations, in memory; it outlives the runtimes that talk to it.
 */
import { type Clock, delay, type Timer } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { Mailbox } from '../../base/mailbox.ts';
import type {
  ExecOptions,
  ExecOutcome,
  InstanceAddress,
  InstanceExit,
  InstanceSpec,
  LogLine,
  ObservedInstance,
  RuntimeEvent,
} from '../contract.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import type { FakeExit } from './behaviour.ts';
import { FakeApp } from './fake-app.ts';
import { FakeOutput } from './fake-output.ts';
import { FakeScript } from './script.ts';

export interface FakeEngineOptions {
  readonly clock: Clock;
  /** Apps really listen on loopback ports, so that an edge can be joined to them. Default false. */
  readonly listen?: boolean;
}

export interface FakeInstance {
  readonly installationId: string;
  readonly mailbox: Mailbox;
  readonly output: FakeOutput;
  spec: InstanceSpec;
  app: FakeApp | null;
  crash: Timer | null;
  exit: InstanceExit | null;
  isFrozen: boolean;
  /** Of its image's check, in a row. */
  failedCount: number;
}

type Listener = (event: RuntimeEvent) => void;

const PRETENDED_PORT_FIRST = 40_000;
const KEPT_OUTPUTS_MAX = 1_000;

export class FakeEngine {
  readonly script: FakeScript;
  /** What tags point at now: raised by tests that move them. */
  imageVersion = 1;
  readonly #clock: Clock;
  readonly #listens: boolean;
  readonly #instances = new Map<string, FakeInstance>();
  /** Output of removed instances, by id. */
  readonly #keptOutput = new Map<string, FakeOutput>();
  readonly #listeners = new Map<Listener, string>();
  #startedCount = 0;

  constructor(options: FakeEngineOptions) {
    this.#clock = options.clock;
    this.#listens = options.listen ?? false;
    this.script = new FakeScript(options.clock, this);
  }

  /** Null also when it belongs to another installation. */
  find(installationId: string, instanceId: string): FakeInstance | null {
    const found = this.#instances.get(instanceId);
    return found?.installationId === installationId ? found : null;
  }

  outputOf(installationId: string, instanceId: string): FakeOutput | null {
    const kept = this.#keptOutput.get(`${installationId}/${instanceId}`);
    return this.find(installationId, instanceId)?.output ?? kept ?? null;
  }

  list(installationId: string): readonly ObservedInstance[] {
    const ours = [...this.#instances.values()].filter((one) => one.installationId === installationId);
    return ours.map(observe);
  }

  watch(installationId: string, listener: Listener): () => void {
    this.#listeners.set(listener, installationId);
    return () => void this.#listeners.delete(listener);
  }

  /** Makes it known; what is known keeps its state. */
  prepare(installationId: string, spec: InstanceSpec): FakeInstance {
    const known = this.find(installationId, spec.instanceId);
    if (known) {
      known.spec = spec;
      return known;
    }
    const instance: FakeInstance = {
      installationId,
      spec,
      mailbox: new Mailbox({ name: `fake instance ${spec.instanceId}` }),
      output: new FakeOutput(this.#clock),
      app: null,
      crash: null,
      exit: null,
      isFrozen: false,
      failedCount: 0,
    };
    this.#instances.set(spec.instanceId, instance);
    return instance;
  }

  async start(instance: FakeInstance, signal: AbortSignal | undefined): Promise<InstanceAddress> {
    const behaviour = this.script.behaviourOf(instance.spec);
    if (instance.app) {
      this.thaw(instance);
      return addressOf(instance.app);
    }
    if (behaviour.startMs) await delay(this.#clock, behaviour.startMs, signal);
    const app = this.#run(instance);
    if (behaviour.exitDuringStart) {
      this.#ended(instance, behaviour.exitDuringStart);
      throw new LumaError('instance_exited', `instance ${instance.spec.instanceId} ended during start`, {
        details: { exit: instance.exit },
      });
    }
    if (behaviour.exitAfter) {
      const { ms, exit } = behaviour.exitAfter;
      instance.crash = this.#clock.after(ms, () => this.#ended(instance, exit));
    }
    return addressOf(app);
  }

  freeze(instance: FakeInstance): void {
    if (!instance.app) throw notRunning(instance);
    if (instance.isFrozen) return;
    instance.isFrozen = true;
    instance.app.freeze();
    this.#emit(instance, { kind: 'frozen', instanceId: instance.spec.instanceId });
  }

  thaw(instance: FakeInstance): InstanceAddress {
    if (!instance.app) throw notRunning(instance);
    if (instance.isFrozen) {
      instance.isFrozen = false;
      instance.app.thaw();
      this.#emit(instance, { kind: 'thawed', instanceId: instance.spec.instanceId });
    }
    return addressOf(instance.app);
  }

  async exec(
    instance: FakeInstance,
    command: readonly string[],
    { timeoutMs, signal }: ExecOptions,
  ): Promise<ExecOutcome> {
    const { app, spec } = instance;
    if (!app) throw notRunning(instance);
    const { exec } = this.script.behaviourOf(spec);
    const outcome = exec?.(command, instanceEnvironment(spec, app.port)) ?? { code: 0, output: '' };
    if (outcome !== 'hangs') return outcome;
    await delay(this.#clock, timeoutMs, signal);
    return { code: null, output: '' };
  }

  async stop(instance: FakeInstance, timeoutMs: number): Promise<InstanceExit | null> {
    const { app } = instance;
    if (!app) return instance.exit;
    const { stopMs = 0, isDeaf = false } = this.script.behaviourOf(instance.spec);
    const isKilled = isDeaf || stopMs > timeoutMs;
    const waitMs = isKilled ? timeoutMs : stopMs;
    if (waitMs > 0) await delay(this.#clock, waitMs);
    // It may have crashed meanwhile: then that is how it ended.
    if (instance.app === app) this.#ended(instance, isKilled ? { signal: 'SIGKILL' } : { code: 0 });
    return instance.exit;
  }

  remove(instance: FakeInstance): void {
    if (instance.app) this.#ended(instance, { signal: 'SIGKILL' });
    const { installationId, spec, output } = instance;
    this.#instances.delete(spec.instanceId);
    this.#keptOutput.set(`${installationId}/${spec.instanceId}`, output);
    const oldest = this.#keptOutput.keys().next().value;
    if (this.#keptOutput.size > KEPT_OUTPUTS_MAX && oldest !== undefined) this.#keptOutput.delete(oldest);
    output.end();
    this.#emit(instance, { kind: 'removed', instanceId: spec.instanceId });
  }

  // What happens behind Luma's back; the script's side.

  end(instanceId: string, exit: FakeExit): void {
    const instance = this.#instances.get(instanceId);
    if (instance?.app) this.#ended(instance, exit);
  }

  tellUnhealthy(instanceId: string): void {
    const instance = this.#instances.get(instanceId);
    if (!instance) return;
    const isNews = instance.failedCount === 0;
    instance.failedCount += 1;
    if (isNews) this.#emit(instance, { kind: 'unhealthy', instanceId });
  }

  tellHealthy(instanceId: string): void {
    const instance = this.#instances.get(instanceId);
    if (instance) instance.failedCount = 0;
  }

  vanish(instanceId: string): void {
    const instance = this.#instances.get(instanceId);
    instance?.crash?.cancel();
    instance?.app?.end();
    this.#instances.delete(instanceId);
  }

  print(instanceId: string, stream: LogLine['stream'], text: string): void {
    this.#instances.get(instanceId)?.output.print(stream, text);
  }

  answers(port: number): boolean {
    return [...this.#instances.values()].some(({ app }) => app?.port === port && app.answers);
  }

  tellRelist(): void {
    for (const listener of [...this.#listeners.keys()]) listener({ kind: 'relist' });
  }

  /** Ends every app: after a test, nothing listens any more. */
  close(): void {
    for (const instanceId of [...this.#instances.keys()]) this.vanish(instanceId);
    this.#listeners.clear();
  }

  #run(instance: FakeInstance): FakeApp {
    const { spec, output } = instance;
    const { bootMs = 0, isMute = false, respond, prints } = this.script.behaviourOf(spec);
    this.#startedCount += 1;
    const answer = respond ?? (() => new Response(`fake ${spec.project} ${spec.instanceId}\n`));
    const app = new FakeApp({
      clock: this.#clock,
      respond: this.#listens ? answer : null,
      pretendedPort: PRETENDED_PORT_FIRST + (this.#startedCount % 20_000),
      bootMs,
      isMute,
    });
    instance.app = app;
    instance.exit = null;
    instance.failedCount = 0;
    for (const { stream, text } of prints?.(instanceEnvironment(spec, app.port)) ?? []) {
      output.print(stream, text);
    }
    this.#emit(instance, { kind: 'started', instanceId: spec.instanceId });
    return app;
  }

  #ended(instance: FakeInstance, { code = null, signal = null, outOfMemory = false }: FakeExit): void {
    instance.crash?.cancel();
    instance.app?.end();
    instance.app = null;
    instance.isFrozen = false;
    instance.exit = { code, signal, outOfMemory, at: this.#clock.now() };
    this.#emit(instance, { kind: 'exited', instanceId: instance.spec.instanceId, exit: instance.exit });
  }

  #emit(instance: FakeInstance, event: RuntimeEvent): void {
    if (!this.script.hearsEvents) return;
    for (const [listener, installationId] of [...this.#listeners]) {
      if (installationId === instance.installationId) listener(event);
    }
  }
}

function observe({ spec, app, isFrozen, exit, failedCount }: FakeInstance): ObservedInstance {
  const one = { instanceId: spec.instanceId, project: spec.project, revision: spec.revision };
  const running = { ...one, state: 'running' as const, ...failedChecksOf(failedCount) };
  if (app) return { ...(isFrozen ? { ...one, state: 'frozen' } : running), address: addressOf(app) };
  return exit ? { ...one, state: 'exited', exit } : { ...one, state: 'prepared' };
}

function failedChecksOf(count: number): Pick<ObservedInstance, 'failedChecks'> {
  return count === 0 ? {} : { failedChecks: { count, threshold: 1 } };
}

function addressOf(app: FakeApp): InstanceAddress {
  return { host: '127.0.0.1', port: app.port, readiness: 'connect' };
}

function notRunning({ spec, exit }: FakeInstance): LumaError {
  const options = exit ? { details: { exit } } : {};
  return new LumaError('instance_exited', `instance ${spec.instanceId} does not run`, options);
}
