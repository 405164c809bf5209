/** What containers say of their instances: state, address, exit. Owns nothing but the route to them. */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { LumaError } from '../../base/errors.ts';
import type { InstanceAddress, ObservedInstance } from '../contract.ts';
import { exitOf, observedState } from './container-state.ts';
import type { Containers } from './containers.ts';
import { instanceAddress, ownAddress, publishedPort } from './instance-address.ts';
import { labels } from './labels.ts';
import type { Reachability } from './reachability.ts';

export class Observation {
  readonly #containers: Containers;
  readonly #reachability: Reachability;

  constructor(containers: Containers, reachability: Reachability) {
    this.#containers = containers;
    this.#reachability = reachability;
  }

  /**
   * The engine tells of an end a moment before its listing knows: whoever lists because of the event would
   * find it running. An inspection waits for the engine to have finished; only "created" needs none.
   */
  async observe(listed: ContainerInfo): Promise<ObservedInstance | null> {
    const instance = {
      instanceId: listed.Labels[labels.instance] ?? '',
      project: listed.Labels[labels.project] ?? '',
      revision: Number(listed.Labels[labels.revision]),
    };
    if (observedState({ Status: listed.State }) === 'prepared') return { ...instance, state: 'prepared' };
    const info = await this.#containers.tryInspect(listed.Id);
    if (!info) return null;
    const state = observedState(info.State);
    const exit = exitOf(info.State);
    const isUp = state === 'running' || state === 'frozen';
    const address = isUp ? await this.#address(info) : null;
    return { ...instance, state, ...(address && { address }), ...(exit && { exit }) };
  }

  /** Of a running instance. */
  async address(instanceId: string, info: ContainerInspectInfo): Promise<InstanceAddress> {
    const address = await this.#address(info);
    if (address) return address;
    throw new LumaError('runtime_failed', `instance ${instanceId} runs, but has no network address`, {
      hint: 'it was cut off by hand, or its network is gone: deploy the project again',
    });
  }

  async #address({ NetworkSettings }: ContainerInspectInfo): Promise<InstanceAddress | null> {
    const network = { networks: NetworkSettings.Networks, ports: NetworkSettings.Ports };
    const host = ownAddress(network);
    const port = publishedPort(network)?.inside;
    const route = host && port ? await this.#reachability.decide(host, port) : 'published';
    return instanceAddress(network, route);
  }
}
