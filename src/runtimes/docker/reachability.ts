/**
 * Whether containers answer on their own addresses from here, or only on published ports. One decision per
 * engine, forgotten when the engine may have changed.
 */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { NetworkInspectInfo } from 'dockerode';
import type { Clock } from '../../base/clock.ts';
import { isInRanges, parseIpRange } from '../../base/ip-range.ts';
import { type Engine, statusOf } from './engine.ts';
import { limits } from './limits.ts';

interface EngineInfo {
  readonly OperatingSystem: string;
  readonly SecurityOptions: readonly string[] | null;
}

export type Route = 'own' | 'published';

/** `undecided`: only a running container can tell. */
type Learnt = Route | 'undecided';

export class Reachability {
  readonly #engine: Engine;
  readonly #clock: Clock;
  #learnt: Promise<Learnt> | null = null;
  #decided: Promise<Route> | null = null;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Learns ahead what can be learnt without a running container, so that no wake pays for it. */
  async learn(): Promise<Learnt> {
    this.#learnt ??= this.#learn();
    const learning = this.#learnt;
    try {
      return await learning;
    } catch (error) {
      if (this.#learnt === learning) this.#learnt = null;
      throw error;
    }
  }

  /** The route for good, by trying this address of a running container where nothing else tells. */
  async decide(host: string, port: number): Promise<Route> {
    const learnt = await this.learn();
    if (learnt !== 'undecided') return learnt;
    this.#decided ??= this.#answers(host, port).then((isReachable) => (isReachable ? 'own' : 'published'));
    return this.#decided;
  }

  forget(): void {
    this.#learnt = null;
    this.#decided = null;
  }

  /**
   * An address of ours inside the bridge's network means that containers are neighbours. Without one there
   * may still be a route (an engine in another network namespace), so the first container is tried, but
   * only where the engine shares our kernel: elsewhere a stranger may own the same private address.
   */
  async #learn(): Promise<Learnt> {
    if (process.platform !== 'linux') return 'published';
    const info = await this.#engine.look<EngineInfo>('describe itself', '/info');
    const isVirtual = info.OperatingSystem === 'Docker Desktop';
    const isRootless = info.SecurityOptions?.some((option) => option.includes('rootless'));
    if (isVirtual || isRootless) return 'published';
    if (await this.#isNeighbour()) return 'own';
    return this.#engine.address.kind === 'socket' ? 'undecided' : 'published';
  }

  async #isNeighbour(): Promise<boolean> {
    const subnets = (await this.#bridgeSubnets())
      .map((subnet) => parseIpRange(subnet))
      .filter((range) => range !== null);
    const ours = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    return ours.some(({ address }) => isInRanges(subnets, address));
  }

  async #bridgeSubnets(): Promise<string[]> {
    try {
      const path = '/networks/bridge';
      const bridge = await this.#engine.look<NetworkInspectInfo>('describe its bridge network', path);
      const configs = (bridge.IPAM?.Config ?? []) as { Subnet?: string }[];
      return configs.flatMap(({ Subnet }) => Subnet ?? []);
    } catch (error) {
      // Engines without a bridge exist (`--bridge none`).
      if (statusOf(error) === 404) return [];
      throw error;
    }
  }

  /** Accepted or refused, both come from the container: it is reachable. Silence or "no route" is not. */
  #answers(host: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (isReachable: boolean): void => {
        timer.cancel();
        socket.destroy();
        resolve(isReachable);
      };
      const timer = this.#clock.after(limits.reachMs, () => settle(false));
      socket.once('connect', () => settle(true));
      socket.once('error', (error: Error & { code?: string }) => settle(error.code === 'ECONNREFUSED'));
    });
  }
}
