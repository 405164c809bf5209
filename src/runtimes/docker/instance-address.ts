/** From what the engine says of a container's network to the address the edge should use. Pure. */
import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceAddress } from '../contract.ts';
import type { Route } from './reachability.ts';

export interface ContainerNetwork {
  readonly networks: Readonly<Record<string, { readonly IPAddress?: string } | undefined>>;
  /** Port inside, e.g. `8080/tcp`, to where it is published. */
  readonly ports: Readonly<
    Record<string, readonly { HostIp: string; HostPort: string }[] | null | undefined>
  >;
}

export function networkOf({ NetworkSettings }: ContainerInspectInfo): ContainerNetwork {
  return { networks: NetworkSettings.Networks, ports: NetworkSettings.Ports };
}

/** Our containers expose one port that is published on loopback: the one that was asked for. */
export function publishedPort(network: ContainerNetwork): { inside: number; outside: number } | null {
  for (const [key, bindings] of Object.entries(network.ports)) {
    const binding = bindings?.find((one) => one.HostIp === '127.0.0.1') ?? bindings?.[0];
    const [port, protocol] = key.split('/');
    if (binding && protocol === 'tcp') return { inside: Number(port), outside: Number(binding.HostPort) };
  }
  return null;
}

export function ownAddress(network: ContainerNetwork): string | null {
  for (const one of Object.values(network.networks)) if (one?.IPAddress) return one.IPAddress;
  return null;
}

/** Null while the container has no network: it is not running, or was cut off by hand. */
export function instanceAddress(network: ContainerNetwork, route: Route): InstanceAddress | null {
  const port = publishedPort(network);
  const host = ownAddress(network);
  if (!port) return null;
  if (route === 'own' && host) return { host, port: port.inside, readiness: 'connect' };
  // docker-proxy accepts before the app does: only an answer proves anything.
  return { host: '127.0.0.1', port: port.outside, readiness: 'request' };
}
