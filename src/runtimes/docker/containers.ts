/**
 * The containers of one installation. The engine owns them; kept here are only their ids by instance id.
 * Whatever does not carry the installation's label is never seen, and so never touched.
 */
import type { Container, ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode';
import type { LumaError } from '../../base/errors.ts';
import type { ContainerCalls } from './container-calls.ts';
import { isUp } from './container-state.ts';
import { containerName, labels } from './labels.ts';
import { instanceNotFound } from './refusals.ts';

/** Everything of the installation, by what it is. */
export interface OwnContainers {
  readonly instances: readonly ContainerInfo[];
  readonly sandboxes: readonly ContainerInfo[];
}

export class Containers {
  readonly #calls: ContainerCalls;
  readonly #installationId: string;
  readonly #ids = new Map<string, string>();

  constructor(calls: ContainerCalls, installationId: string) {
    this.#calls = calls;
    this.#installationId = installationId;
  }

  /** The id of the instance's container: remembered, or found by its labels; null where there is none. */
  async find(instanceId: string): Promise<string | null> {
    const remembered = this.#ids.get(instanceId);
    if (remembered && (await this.tryInspect(remembered))) return remembered;
    const found = withoutCopies(await this.#list([`${labels.instance}=${instanceId}`]));
    const id = found[0]?.Id ?? null;
    if (id) this.#ids.set(instanceId, id);
    else this.#ids.delete(instanceId);
    return id;
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

  /** All that carries the installation's label, and an instance's or a sandbox's. */
  async list(): Promise<OwnContainers> {
    const found = await this.#list([]);
    const instances = withoutCopies(found.filter(({ Labels }) => Labels[labels.instance]));
    this.#ids.clear();
    for (const info of instances) this.#ids.set(info.Labels[labels.instance] ?? '', info.Id);
    const isSandbox = ({ Labels }: ContainerInfo): boolean =>
      !Labels[labels.instance] && Boolean(Labels[labels.sandbox]);
    return { instances, sandboxes: found.filter(isSandbox) };
  }

  async create(instanceId: string, config: ContainerCreateOptions): Promise<string> {
    const id = await this.#calls.create(config);
    this.#ids.set(instanceId, id);
    return id;
  }

  async inspect(instanceId: string, id: string): Promise<ContainerInspectInfo> {
    const info = await this.tryInspect(id);
    if (info) return info;
    this.#ids.delete(instanceId);
    throw instanceNotFound(instanceId);
  }

  async isUp(instanceId: string): Promise<boolean> {
    const id = await this.find(instanceId);
    const info = id === null ? null : await this.tryInspect(id);
    return info !== null && isUp(info.State);
  }

  tryInspect(id: string): Promise<ContainerInspectInfo | null> {
    return this.#calls.tryInspect(id);
  }

  /** Makes one change; a refusal of the engine is returned, because what it means depends on the state. */
  change(
    what: string,
    id: string,
    run: (container: Container, signal: AbortSignal) => Promise<unknown>,
    limitMs?: number,
  ): Promise<LumaError | null> {
    return this.#calls.change(what, id, run, limitMs);
  }

  start(id: string): Promise<LumaError | null> {
    return this.#calls.start('start an instance', id);
  }

  /** Kills it if it runs. */
  async remove(instanceId: string, id: string): Promise<void> {
    await this.#calls.remove(id);
    this.#ids.delete(instanceId);
  }

  #list(more: readonly string[]): Promise<ContainerInfo[]> {
    return this.#calls.list([`${labels.installation}=${this.#installationId}`, ...more]);
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
