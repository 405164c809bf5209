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

/** What the engine says of itself; `subnets` are its bridge's. */
type Learnt = { readonly isApart: true } | { readonly isApart: false; readonly subnets: readonly string[] };

export class Reachability {
  readonly #engine: Engine;
  readonly #clock: Clock;
  #learnt: Promise<Learnt> | null = null;
  #decided: Promise<Route> | null = null;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Asks the engine ahead, so that no wake pays for it. */
  async learn(): Promise<void> {
    await this.#learn();
  }

  /** The route for good, by this address of a container that runs. */
  async decide(host: string, port: number): Promise<Route> {
    const learnt = await this.#learn();
    this.#decided ??= this.#decide(learnt, host, port);
    return this.#decided;
  }

  /** Whether something listens there now. */
  async accepts(host: string, port: number): Promise<boolean> {
    return (await this.#connect(host, port)) === 'accepted';
  }

  forget(): void {
    this.#learnt = null;
    this.#decided = null;
  }

  async #learn(): Promise<Learnt> {
    this.#learnt ??= this.#ask();
    const learning = this.#learnt;
    try {
      return await learning;
    } catch (error) {
      if (this.#learnt === learning) this.#learnt = null;
      throw error;
    }
  }

  async #ask(): Promise<Learnt> {
    if (process.platform !== 'linux') return { isApart: true };
    const info = await this.#engine.look<EngineInfo>('describe itself', '/info');
    const isVirtual = info.OperatingSystem === 'Docker Desktop';
    const isRootless = info.SecurityOptions?.some((option) => option.includes('rootless'));
    if (isVirtual || isRootless) return { isApart: true };
    return { isApart: false, subnets: await this.#bridgeSubnets() };
  }

  /**
   * An address of ours inside the bridge's subnet means that containers are neighbours; it is looked for only
   * now, because the bridge is down while no container runs. Without one there may still be a route (an engine
   * in another network namespace), so this container is tried, but only where the engine shares our kernel:
   * elsewhere a stranger may own the same private address.
   */
  async #decide(learnt: Learnt, host: string, port: number): Promise<Route> {
    if (learnt.isApart) return 'published';
    if (isNeighbour(learnt.subnets)) return 'own';
    if (this.#engine.address.kind !== 'socket') return 'published';
    // Accepted or refused, both come from the container; silence or "no route" do not.
    return (await this.#connect(host, port)) === 'silent' ? 'published' : 'own';
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

  #connect(host: string, port: number): Promise<'accepted' | 'refused' | 'silent'> {
    return new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (answer: 'accepted' | 'refused' | 'silent'): void => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      const timer = this.#clock.after(limits.reachMs, () => settle('silent'));
      socket.once('connect', () => settle('accepted'));
      socket.once('error', (error: Error & { code?: string }) =>
        settle(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'),
      );
    });
  }
}

function isNeighbour(subnets: readonly string[]): boolean {
  const ranges = subnets.map((subnet) => parseIpRange(subnet)).filter((range) => range !== null);
  const ours = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return ours.some(({ address }) => isInRanges(ranges, address));
}
