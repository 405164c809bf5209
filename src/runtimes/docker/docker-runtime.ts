/**
 * Instances as containers of one Docker Engine, which owns all their state. Owned here: one mailbox per
 * instance, because calls that cross confuse the engine (a start during a stop reports success, and then
 * the container exits).
 */
import type { Clock } from '../../base/clock.ts';
import { type FieldProblem, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type { RegistryCredentials } from '../../domain/registry.ts';
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
import { ContainerCalls } from './container-calls.ts';
import { exitOf } from './container-state.ts';
import { Containers } from './containers.ts';
import type { Engine } from './engine.ts';
import { type EngineEvent, EngineEvents } from './engine-events.ts';
import { engineVersion } from './engine-version.ts';
import { imageOf, pinnedReference } from './image-pin.ts';
import { ensureImage } from './image-pull.ts';
import { parseImageReference } from './image-reference.ts';
import { InstanceExec } from './instance-exec.ts';
import { InstanceLogs } from './instance-logs.ts';
import { InstanceMailboxes } from './instance-mailboxes.ts';
import { InstanceNetwork } from './instance-network.ts';
import { InstanceStarter } from './instance-starter.ts';
import { KnownAddresses } from './known-addresses.ts';
import { labels } from './labels.ts';
import { limits } from './limits.ts';
import { LostProcesses } from './lost-processes.ts';
import { Observation } from './observation.ts';
import { Preparation } from './preparation.ts';
import { Reachability } from './reachability.ts';
import { changeRefused, isGone } from './refusals.ts';
import { checkLogin } from './registry-login.ts';
import { SandboxImage } from './sandbox-image.ts';
import { SandboxKeeper } from './sandbox-keeper.ts';
import { SandboxRegister } from './sandbox-register.ts';
import { Sandboxes } from './sandboxes.ts';
import { StartsUnderWay } from './starts-under-way.ts';

export interface DockerRuntimeParts {
  readonly installationId: string;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly sandboxesMax: number;
}

export class DockerRuntime implements Runtime {
  readonly kind = 'docker';
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #containers: Containers;
  readonly #preparation: Preparation;
  readonly #events: EngineEvents;
  readonly #logs: InstanceLogs;
  readonly #reachability: Reachability;
  readonly #observation: Observation;
  readonly #image: SandboxImage;
  readonly #register: SandboxRegister;
  readonly #sandboxes: Sandboxes;
  readonly #starter: InstanceStarter;
  readonly #keeper: SandboxKeeper;
  readonly #starts: StartsUnderWay;
  readonly #addresses: KnownAddresses;
  readonly #exec: InstanceExec;
  readonly #mailboxes = new InstanceMailboxes();

  constructor({ installationId, engine, clock, log, sandboxesMax }: DockerRuntimeParts) {
    const lost = new LostProcesses({ address: engine.address, clock, log });
    const calls = new ContainerCalls(engine, lost);
    const post = (id: string, task: () => Promise<void>): Promise<void> => this.#mailboxes.post(id, task);
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#containers = new Containers(calls, installationId);
    this.#exec = new InstanceExec(engine, this.#containers, clock);
    this.#events = new EngineEvents(engine, installationId, clock, log, (event) => this.#note(event));
    this.#logs = new InstanceLogs(engine, this.#events, clock, (id) => this.#containers.find(id));
    this.#reachability = new Reachability(engine, clock);
    this.#image = new SandboxImage(engine);
    this.#register = new SandboxRegister(sandboxesMax);
    this.#sandboxes = new Sandboxes({
      installationId,
      calls,
      image: this.#image,
      register: this.#register,
      clock,
      log,
      post,
      isAwake: (id) => this.#containers.isUp(id),
    });
    this.#preparation = new Preparation(installationId, engine, clock, this.#containers, this.#sandboxes);
    const network = new InstanceNetwork(this.#sandboxes, this.#reachability);
    this.#observation = new Observation(this.#containers, network);
    const parts = {
      containers: this.#containers,
      sandboxes: this.#sandboxes,
      register: this.#register,
      log,
    };
    this.#addresses = new KnownAddresses(() => this.#events.isLive);
    const addresses = this.#addresses;
    this.#starter = new InstanceStarter({ ...parts, network, logs: this.#logs, addresses });
    this.#starts = new StartsUnderWay(clock);
    this.#keeper = new SandboxKeeper({ ...parts, starter: this.#starter, starts: this.#starts, clock, post });
  }

  describe(): Promise<{ readonly name: string; readonly version: string }> {
    return engineVersion(this.#engine);
  }

  check({ image }: RevisionSettings): readonly (FieldProblem & { readonly code: string })[] {
    const field = 'docker_image';
    if (image === null) {
      const message =
        'is needed: the Docker runtime runs images; a `command` alone needs the process runtime';
      return [{ field, code: 'image_required', message }];
    }
    if (parseImageReference(image)) return [];
    const message = 'is not an image reference such as `nginx:1.27` or `registry.example.com/team/app`';
    return [{ field, code: 'image_invalid', message, value: image.slice(0, 200) }];
  }

  checkLogin(registry: string, credentials: RegistryCredentials): Promise<void> {
    return checkLogin(this.#engine, registry, credentials);
  }

  /** Each has an address of its own. */
  canRunSeveral(): boolean {
    return true;
  }

  async prepare(instance: InstanceSpec, options: PrepareOptions = {}): Promise<PreparedInstance> {
    options.signal?.throwIfAborted();
    const { instanceId } = instance;
    const image = imageOf(instance);
    // A pull is not in the mailbox: it may take minutes, and a removal must not wait for it.
    if (!(await this.#containers.find(instanceId))) {
      await ensureImage(this.#engine, this.#clock, image, options);
    }
    const pinnedImage = instance.pinnedImage ?? (await pinnedReference(this.#engine, image));
    await this.#reachability.learn();
    const pinned = { ...instance, pinnedImage };
    await this.#mailboxes.post(instanceId, () => this.#preparation.ensureContainer(pinned, options));
    options.signal?.throwIfAborted();
    this.#keeper.makeAheadSoon(instanceId);
    return { pinnedImage };
  }

  start(instanceId: string, signal?: AbortSignal): Promise<StartedInstance> {
    const begin = (): Promise<StartedInstance> =>
      this.#mailboxes.post(instanceId, async () => {
        signal?.throwIfAborted();
        return { address: await this.#starter.start(instanceId) };
      });
    const begun = this.#starts.run(begin);
    return signal ? unlessAborted(begun, signal) : begun;
  }

  freeze(instanceId: string): Promise<void> {
    return this.#mailboxes.post(instanceId, async () => {
      const id = await this.#containers.known(instanceId);
      const refusal = await this.#containers.change('freeze an instance', id, (one) => one.pause());
      if (!refusal) return;
      const info = await this.#containers.inspect(instanceId, id);
      if (!info.State.Paused) throw changeRefused(instanceId, info, refusal);
    });
  }

  thaw(instanceId: string): Promise<StartedInstance> {
    return this.#mailboxes.post(instanceId, async () => ({ address: await this.#starter.thaw(instanceId) }));
  }

  /** Not in the mailbox: a stop waits for no command. */
  exec(instanceId: string, command: readonly string[], options: ExecOptions): Promise<ExecOutcome> {
    return this.#exec.run(instanceId, command, options);
  }

  stop(instanceId: string, timeoutMs: number): Promise<InstanceExit | null> {
    return this.#mailboxes.post(instanceId, async () => {
      const id = await this.#containers.find(instanceId);
      if (!id) return null;
      // Whole seconds are all the engine's API knows; rounded up, so that nobody is killed early.
      const t = Math.ceil(timeoutMs / 1_000);
      const refusal = await this.#containers.change(
        'stop an instance',
        id,
        (one, abortSignal) => one.stop({ t, abortSignal }),
        t * 1_000 + limits.stopMarginMs,
      );
      if (refusal && !isGone(refusal)) throw refusal;
      this.#register.noteAsleep(instanceId, this.#clock.now());
      const info = await this.#containers.tryInspect(id);
      return info && exitOf(info.State);
    });
  }

  remove(instanceId: string): Promise<void> {
    return this.#mailboxes.post(instanceId, async () => {
      const id = await this.#containers.find(instanceId);
      if (id) await this.#keepLastLines(instanceId, id);
      if (id) await this.#containers.remove(instanceId, id);
      // Last: without it the instance would be out of reach while it ends.
      await this.#sandboxes.remove(instanceId);
    });
  }

  async list(): Promise<readonly ObservedInstance[]> {
    const { instances, sandboxes } = await this.#containers.list();
    const queue = [...instances];
    const observed: ObservedInstance[] = [];
    const work = async (): Promise<void> => {
      for (let info = queue.shift(); info; info = queue.shift()) {
        const instance = await this.#observation.observe(info);
        if (instance) observed.push(instance);
      }
    };
    await Promise.all(Array.from({ length: limits.inspectsAtOnce }, work));
    const createdAt = new Map(instances.map((info) => [info.Labels[labels.instance], info.Created * 1_000]));
    const seen = observed.map((one) => ({
      instanceId: one.instanceId,
      sleepsSince: isAwake(one) ? null : (one.exit?.at ?? createdAt.get(one.instanceId) ?? 0),
    }));
    this.#keeper.take(sandboxes, seen);
    // Awake and without an address: cut off while nobody watched.
    for (const one of observed) if (isAwake(one) && !one.address) this.#keeper.endCutOffSoon(one.instanceId);
    return observed;
  }

  watch(listener: (event: RuntimeEvent) => void): () => void {
    return this.#events.watch(listener);
  }

  logs(instanceId: string, options: LogOptions = {}): AsyncIterable<LogLine> {
    return this.#logs.read(instanceId, options);
  }

  async rest(): Promise<void> {
    this.#keeper.close();
    // One that is being started is in no list yet, and would run on for ever.
    await this.#keeper.whenStill();
    await this.#sandboxes.rest((await this.#containers.list()).sandboxes);
  }

  async close(): Promise<void> {
    this.#keeper.close();
    this.#logs.close();
    this.#events.close();
    this.#engine.close();
  }

  /** What the engine tells, before anybody else hears it. */
  #note(event: EngineEvent): void {
    switch (event.kind) {
      case 'relist':
        // It may be another engine by now.
        this.#containers.forgetAll();
        this.#addresses.forgetAll();
        this.#reachability.forget();
        this.#image.forget();
        return;
      case 'sandbox-ended':
        this.#addresses.forget(event.instanceId);
        this.#keeper.endCutOffSoon(event.instanceId);
        this.#keeper.startSoon(event.instanceId);
        return;
      case 'started':
        this.#register.noteAwake(event.instanceId);
        return;
      case 'exited':
        this.#addresses.forget(event.instanceId);
        this.#register.noteAsleep(event.instanceId, this.#clock.now());
        this.#exec.forget(event.instanceId);
        return;
      case 'removed':
        this.#addresses.forget(event.instanceId);
        // By hand, perhaps; who prepares it again finds its sandbox, unless that has gone by then.
        this.#keeper.removeSoon(event.instanceId);
        return;
      case 'frozen':
      case 'thawed':
      case 'unhealthy':
        return;
    }
  }

  async #keepLastLines(instanceId: string, id: string): Promise<void> {
    try {
      await this.#logs.keep(instanceId, id);
    } catch (error) {
      // Losing them must not keep anything from being removed.
      this.#log.warn('the last lines of a removed instance are lost', {
        instanceId,
        reason: messageOf(error),
      });
    }
  }
}

function isAwake({ state }: ObservedInstance): boolean {
  return state === 'running' || state === 'frozen';
}

/** Gives up waiting, not the work: an engine's start cannot be taken back, and a stop queues behind it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
