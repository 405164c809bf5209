/**
 * Instances as containers of one Docker Engine, which owns all their state. Owned here: one mailbox per
 * instance, because calls that cross confuse the engine (a start during a stop reports success, and then
 * the container exits).
 */
import type { ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../base/clock.ts';
import { type FieldProblem, type LumaError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RevisionSettings } from '../../domain/project.ts';
import type {
  InstanceAddress,
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
import { exitOf } from './container-state.ts';
import { Containers } from './containers.ts';
import { type Engine, statusOf } from './engine.ts';
import { EngineEvents } from './engine-events.ts';
import { engineVersion } from './engine-version.ts';
import { imageOf, pinnedReference } from './image-pin.ts';
import { ensureImage } from './image-pull.ts';
import { parseImageReference } from './image-reference.ts';
import { InstanceLogs } from './instance-logs.ts';
import { InstanceMailboxes } from './instance-mailboxes.ts';
import { limits } from './limits.ts';
import { Observation } from './observation.ts';
import { Preparation } from './preparation.ts';
import { initComplaint, noProgram } from './program-check.ts';
import { Reachability } from './reachability.ts';
import { changeRefused, instanceExited, instanceNotFound, isGone, startRefused } from './refusals.ts';

export interface DockerRuntimeParts {
  readonly installationId: string;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
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
  readonly #mailboxes = new InstanceMailboxes();

  constructor({ installationId, engine, clock, log }: DockerRuntimeParts) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#containers = new Containers(engine, installationId);
    this.#preparation = new Preparation(installationId, engine, clock, this.#containers);
    this.#events = new EngineEvents(engine, installationId, clock, log);
    this.#logs = new InstanceLogs(engine, this.#events, clock, (id) => this.#containers.find(id));
    this.#reachability = new Reachability(engine, clock);
    this.#observation = new Observation(this.#containers, this.#reachability);
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
    return { pinnedImage };
  }

  start(instanceId: string, signal?: AbortSignal): Promise<StartedInstance> {
    const begun = this.#mailboxes.post(instanceId, async () => {
      signal?.throwIfAborted();
      return { address: await this.#start(instanceId) };
    });
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
    return this.#mailboxes.post(instanceId, async () => ({ address: await this.#thaw(instanceId) }));
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
      const info = await this.#containers.tryInspect(id);
      return info && exitOf(info.State);
    });
  }

  remove(instanceId: string): Promise<void> {
    return this.#mailboxes.post(instanceId, async () => {
      const id = await this.#containers.find(instanceId);
      if (!id) return;
      await this.#keepLastLines(instanceId, id);
      await this.#containers.remove(instanceId, id);
    });
  }

  async list(): Promise<readonly ObservedInstance[]> {
    const queue = await this.#containers.list();
    const observed: ObservedInstance[] = [];
    const work = async (): Promise<void> => {
      for (let info = queue.shift(); info; info = queue.shift()) {
        const instance = await this.#observation.observe(info);
        if (instance) observed.push(instance);
      }
    };
    await Promise.all(Array.from({ length: limits.inspectsAtOnce }, work));
    return observed;
  }

  watch(listener: (event: RuntimeEvent) => void): () => void {
    return this.#events.watch((event) => {
      if (event.kind === 'relist') {
        // It may be another engine by now.
        this.#containers.forgetAll();
        this.#reachability.forget();
      }
      listener(event);
    });
  }

  logs(instanceId: string, options: LogOptions = {}): AsyncIterable<LogLine> {
    return this.#logs.read(instanceId, options);
  }

  async close(): Promise<void> {
    this.#logs.close();
    this.#events.close();
    this.#engine.close();
  }

  async #start(instanceId: string): Promise<InstanceAddress> {
    const id = await this.#containers.known(instanceId);
    const refusal = await this.#containers.change(
      'start an instance',
      id,
      (one, abortSignal) => one.start({ abortSignal }),
      limits.changeMs,
    );
    if (!refusal) return this.#startedAddress(instanceId, id);
    if (isGone(refusal)) throw this.#gone(instanceId);
    // 409: it is frozen.
    if (statusOf(refusal) === 409) return this.#thaw(instanceId);
    throw startRefused(refusal);
  }

  async #startedAddress(instanceId: string, id: string): Promise<InstanceAddress> {
    const info = await this.#containers.inspect(instanceId, id);
    if (info.State.Paused) return this.#thaw(instanceId);
    if (!info.State.Running) throw await this.#explainExit(instanceId, info);
    return this.#observation.address(instanceId, info);
  }

  async #thaw(instanceId: string): Promise<InstanceAddress> {
    const id = await this.#containers.known(instanceId);
    const refusal = await this.#containers.change('thaw an instance', id, (one) => one.unpause());
    if (refusal && isGone(refusal)) throw this.#gone(instanceId);
    const info = await this.#containers.inspect(instanceId, id);
    // The engine answers 500 for "was not paused": the state tells what is true.
    const isAwake = info.State.Running && !info.State.Paused;
    if (refusal && !isAwake) throw changeRefused(instanceId, info, refusal);
    return this.#observation.address(instanceId, info);
  }

  async #explainExit(instanceId: string, info: ContainerInspectInfo): Promise<LumaError> {
    const exit = exitOf(info.State);
    if (exit?.code === 127 || exit?.code === 126) {
      let text = '';
      for await (const line of this.#logs.read(instanceId, { tail: 10 })) text += `${line.text}\n`;
      const complaint = initComplaint(text);
      if (complaint) return noProgram(info.Path, complaint);
    }
    return instanceExited(instanceId, exit);
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

  #gone(instanceId: string): LumaError {
    this.#containers.forget(instanceId);
    return instanceNotFound(instanceId);
  }
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
