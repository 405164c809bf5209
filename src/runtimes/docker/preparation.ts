/** All that can be done ahead of a wake: image, container, a look at its program. Owns nothing. */
import type { Clock } from '../../base/clock.ts';
import type { InstanceSpec, PrepareOptions } from '../contract.ts';
import { containerConfig } from './container-config.ts';
import type { Containers } from './containers.ts';
import type { Engine } from './engine.ts';
import { imageOf } from './image-pin.ts';
import { pullImage } from './image-pull.ts';
import { checkProgram } from './program-check.ts';
import { creationRefused, isGone } from './refusals.ts';

export class Preparation {
  readonly #installationId: string;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #containers: Containers;

  constructor(installationId: string, engine: Engine, clock: Clock, containers: Containers) {
    this.#installationId = installationId;
    this.#engine = engine;
    this.#clock = clock;
    this.#containers = containers;
  }

  /** Leaves a usable container in peace, whatever made it: an instance's settings never change. */
  async ensureContainer(instance: InstanceSpec, options: PrepareOptions): Promise<void> {
    const { instanceId } = instance;
    const id = await this.#containers.find(instanceId);
    const state = id ? (await this.#containers.tryInspect(id))?.State : undefined;
    if (state && !state.Dead && state.Status !== 'removing') return;
    if (id && state) await this.#containers.remove(instanceId, id);
    options.signal?.throwIfAborted();
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
