/**
 * The containers of one installation. The engine owns them; kept here are only their ids by instance id.
 * Whatever does not carry the installation's label is never seen, and so never touched.
 */
import type { Container, ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { type Engine, statusOf } from './engine.ts';
import { containerName, labels } from './labels.ts';
import { limits } from './limits.ts';
import { instanceNotFound, isGone } from './refusals.ts';

export class Containers {
  readonly #engine: Engine;
  readonly #installationId: string;
  readonly #ids = new Map<string, string>();

  constructor(engine: Engine, installationId: string) {
    this.#engine = engine;
    this.#installationId = installationId;
  }

  /** The id of the instance's container: remembered, or found by its labels; null where there is none. */
  async find(instanceId: string): Promise<string | null> {
    const remembered = this.#ids.get(instanceId);
    if (remembered && (await this.tryInspect(remembered))) return remembered;
    const [found] = await this.#list([`${labels.instance}=${instanceId}`]);
    if (found) this.#ids.set(instanceId, found.Id);
    else this.#ids.delete(instanceId);
    return found?.Id ?? null;
  }

  /** Like `find`, but trusts memory: the call that follows tells if it is wrong. */
  async known(instanceId: string): Promise<string> {
    const id = this.#ids.get(instanceId) ?? (await this.find(instanceId));
    if (!id) throw instanceNotFound(instanceId);
    return id;
  }

  forget(instanceId: string): void {
    this.#ids.delete(instanceId);
  }

  forgetAll(): void {
    this.#ids.clear();
  }

  /** All that carries the installation's and an instance's label. */
  async list(): Promise<ContainerInfo[]> {
    const found = await this.#list([labels.instance]);
    this.#ids.clear();
    for (const info of found) this.#ids.set(info.Labels[labels.instance] ?? '', info.Id);
    return found;
  }

  async create(instanceId: string, config: ContainerCreateOptions): Promise<string> {
    const { id } = await this.#engine.call(
      'create a container',
      (abortSignal) => this.#engine.docker.createContainer({ ...config, abortSignal }),
      limits.changeMs,
    );
    this.#ids.set(instanceId, id);
    return id;
  }

  async inspect(instanceId: string, id: string): Promise<ContainerInspectInfo> {
    const info = await this.tryInspect(id);
    if (info) return info;
    this.#ids.delete(instanceId);
    throw instanceNotFound(instanceId);
  }

  async tryInspect(id: string): Promise<ContainerInspectInfo | null> {
    try {
      return await this.#engine.call('inspect a container', (abortSignal) =>
        this.#engine.docker.getContainer(id).inspect({ abortSignal }),
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

  /** Kills it if it runs. */
  async remove(instanceId: string, id: string): Promise<void> {
    // The client's types lack the signal here; it takes one with every call.
    const options = (abortSignal: AbortSignal): object => ({ force: true, v: true, abortSignal });
    const refusal = await this.change(
      'remove a container',
      id,
      (container, abortSignal) => container.remove(options(abortSignal)),
      limits.changeMs,
    );
    this.#ids.delete(instanceId);
    // 409: somebody else is removing it this very moment.
    if (refusal && !isGone(refusal) && statusOf(refusal) !== 409) throw refusal;
  }

  async #list(more: readonly string[]): Promise<ContainerInfo[]> {
    const label = [`${labels.installation}=${this.#installationId}`, ...more];
    const found = await this.#engine.call('list containers', (abortSignal) =>
      this.#engine.docker.listContainers({ all: true, filters: { label }, abortSignal }),
    );
    return withoutCopies(found);
  }
}

/**
 * Labels travel with an image that somebody committed from an instance to whatever is run from it. Of several
 * containers of one instance, the one with the name that Luma gave is the instance; the others are let alone.
 */
function withoutCopies(found: readonly ContainerInfo[]): ContainerInfo[] {
  const byInstance = new Map<string, ContainerInfo>();
  for (const info of found) {
    const instanceId = info.Labels[labels.instance] ?? '';
    if (!byInstance.has(instanceId) || hasGivenName(info)) byInstance.set(instanceId, info);
  }
  return [...byInstance.values()];
}

function hasGivenName({ Labels, Names }: ContainerInfo): boolean {
  const given = containerName({
    project: Labels[labels.project] ?? '',
    instanceId: Labels[labels.instance] ?? '',
  });
  return Names.includes(`/${given}`);
}
