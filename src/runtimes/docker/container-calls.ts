/**
 * What is asked of single containers: create, inspect, change, remove, list. Owns nothing and remembers nothing;
 * whose containers they are is the business of its callers.
 */
import type { Container, ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { isUp } from './container-state.ts';
import { type Engine, statusOf } from './engine.ts';
import { limits } from './limits.ts';
import type { LostProcesses } from './lost-processes.ts';
import { isGone } from './refusals.ts';

export class ContainerCalls {
  readonly #engine: Engine;
  readonly #lost: LostProcesses;

  constructor(engine: Engine, lost: LostProcesses) {
    this.#engine = engine;
    this.#lost = lost;
  }

  /** Returns the new container's id. */
  async create(config: ContainerCreateOptions): Promise<string> {
    const { id } = await this.#engine.call(
      'create a container',
      (abortSignal) => this.#engine.docker.createContainer({ ...config, abortSignal }),
      limits.changeMs,
    );
    return id;
  }

  /** By id or name; null where there is none. */
  async tryInspect(idOrName: string): Promise<ContainerInspectInfo | null> {
    try {
      return await this.#engine.call('inspect a container', (abortSignal) =>
        this.#engine.docker.getContainer(idOrName).inspect({ abortSignal }),
      );
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** Makes one change; a refusal of the engine is returned, because what it means depends on the state. */
  async change(
    what: string,
    id: string,
    run: (container: Container, signal: AbortSignal) => Promise<unknown>,
    limitMs: number = limits.callMs,
  ): Promise<LumaError | null> {
    try {
      await this.#engine.call(what, (signal) => run(this.#engine.docker.getContainer(id), signal), limitMs);
      return null;
    } catch (error) {
      // 304: it is already so.
      if (statusOf(error) === 304) return null;
      if (isLumaError(error) && statusOf(error) !== null) return error;
      throw error;
    }
  }

  start(what: string, id: string): Promise<LumaError | null> {
    return this.change(what, id, (one, abortSignal) => one.start({ abortSignal }), limits.changeMs);
  }

  /** Kills it if it runs, also where the engine does not know that it does. */
  async remove(id: string): Promise<void> {
    const info = await this.tryInspect(id);
    // First, because nobody knows the container's id afterwards.
    if (info && !isUp(info.State)) await this.#lost.end(info.Id);
    // The client's types lack the signal here; it takes one with every call.
    const options = (abortSignal: AbortSignal): object => ({ force: true, v: true, abortSignal });
    const refusal = await this.change(
      'remove a container',
      id,
      (container, abortSignal) => container.remove(options(abortSignal)),
      limits.changeMs,
    );
    // 409: somebody else is removing it this very moment.
    if (refusal && !isGone(refusal) && statusOf(refusal) !== 409) throw refusal;
  }

  /** All that carry every one of these labels, running or not. */
  list(label: readonly string[]): Promise<ContainerInfo[]> {
    return this.#engine.call('list containers', (abortSignal) =>
      this.#engine.docker.listContainers({ all: true, filters: { label: [...label] }, abortSignal }),
    );
  }
}
