/** All that can be done ahead of a wake: image, container, a look at its program. Owns nothing. */
import type { ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../base/clock.ts';
import type { InstanceSpec, PrepareOptions } from '../contract.ts';
import { containerConfig } from './container-config.ts';
import { isUp } from './container-state.ts';
import type { Containers } from './containers.ts';
import type { Engine } from './engine.ts';
import { imageOf } from './image-pin.ts';
import { pullImage } from './image-pull.ts';
import { checkProgram } from './program-check.ts';
import { creationRefused, isGone } from './refusals.ts';
import { joinsByName } from './sandbox-config.ts';
import type { Sandboxes } from './sandboxes.ts';

export class Preparation {
  readonly #installationId: string;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #containers: Containers;
  readonly #sandboxes: Sandboxes;

  constructor(
    installationId: string,
    engine: Engine,
    clock: Clock,
    containers: Containers,
    sandboxes: Sandboxes,
  ) {
    this.#installationId = installationId;
    this.#engine = engine;
    this.#clock = clock;
    this.#containers = containers;
    this.#sandboxes = sandboxes;
  }

  /** Leaves a usable container in peace, whatever made it: an instance's settings never change. */
  async ensureContainer(instance: InstanceSpec, options: PrepareOptions): Promise<void> {
    const { instanceId } = instance;
    const id = await this.#containers.find(instanceId);
    const info = id ? await this.#containers.tryInspect(id) : null;
    if (info && isUsable(info)) return;
    if (id && info) await this.#containers.remove(instanceId, id);
    options.signal?.throwIfAborted();
    // With it the new container would join this one sandbox for ever, instead of whichever has the name.
    await this.#sandboxes.remove(instanceId);
    const created = await this.#create(instance, options);
    const { command, entrypoint } = instance.settings;
    // An image's own program is trusted; what a person typed is looked up.
    if (command || entrypoint) await this.#checkProgram(instanceId, created);
  }

  async #create(instance: InstanceSpec, options: PrepareOptions): Promise<string> {
    const config = containerConfig(this.#installationId, instance);
    const create = (): Promise<string> => this.#containers.create(instance.instanceId, config);
    try {
      return await create();
    } catch (error) {
      if (!isGone(error)) throw creationRefused(instance, error);
      // The image went between the look and the creation.
      await pullImage(this.#engine, this.#clock, imageOf(instance), options);
      return await create();
    }
  }

  async #checkProgram(instanceId: string, id: string): Promise<void> {
    try {
      await checkProgram(this.#engine, await this.#containers.inspect(instanceId, id));
    } catch (error) {
      await this.#containers.remove(instanceId, id);
      throw error;
    }
  }
}

/** One that cannot join whatever sandbox there is, is made again, once it does not run. */
function isUsable(info: ContainerInspectInfo): boolean {
  const { State } = info;
  if (State.Dead || State.Status === 'removing') return false;
  return isUp(State) || joinsByName(info);
}
