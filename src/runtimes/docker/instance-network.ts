/** Where an instance is reached, and whether it is at all. Owns nothing but the route to the engine's containers. */
import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceAddress } from '../contract.ts';
import { type Connection, connectionOf } from './cut-off.ts';
import { instanceAddress, networkOf, ownAddress, publishedPort } from './instance-address.ts';
import { labels } from './labels.ts';
import type { Reachability } from './reachability.ts';
import { sandboxOwnerOf } from './sandbox-config.ts';
import type { Sandboxes } from './sandboxes.ts';

/** `cut-off`: it runs, and nobody can reach it. */
export type Place =
  | { readonly kind: 'at'; readonly address: InstanceAddress }
  | { readonly kind: 'cut-off' }
  | { readonly kind: 'none' };

export class InstanceNetwork {
  readonly #sandboxes: Sandboxes;
  readonly #reachability: Reachability;

  constructor(sandboxes: Sandboxes, reachability: Reachability) {
    this.#sandboxes = sandboxes;
    this.#reachability = reachability;
  }

  /** Of an instance that is up. */
  async place(instance: ContainerInspectInfo): Promise<Place> {
    if (!sandboxOwnerOf(instance)) return this.#placeIn(instance);
    const sandbox = await this.#sandboxes.inspect(instance.Config.Labels[labels.instance] ?? '');
    return this.placeWith(instance, sandbox);
  }

  /** The same, for who has asked for both at once. */
  async placeWith(instance: ContainerInspectInfo, sandbox: ContainerInspectInfo | null): Promise<Place> {
    if (!sandboxOwnerOf(instance)) return this.#placeIn(instance);
    const connection: Connection = connectionOf(instance, sandbox);
    if (!sandbox || connection === 'cut-off') return { kind: 'cut-off' };
    const place = await this.#placeIn(sandbox);
    if (connection === 'joined' || place.kind !== 'at') return place;
    // A clock that was set back between the two starts looks the same: who accepts is not cut off. Behind a
    // published port something accepts in any case, and only its requests will tell.
    const { host, port, readiness } = place.address;
    const isReached = readiness === 'request' || (await this.#reachability.accepts(host, port));
    return isReached ? place : { kind: 'cut-off' };
  }

  async #placeIn(container: ContainerInspectInfo): Promise<Place> {
    const network = networkOf(container);
    const host = ownAddress(network);
    const port = publishedPort(network)?.inside;
    const route = host && port ? await this.#reachability.decide(host, port) : 'published';
    const address = instanceAddress(network, route);
    return address ? { kind: 'at', address } : { kind: 'none' };
  }
}
