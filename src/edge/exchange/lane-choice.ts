/**
 * Which service serves a request of one whose requests are shared out among several: itself, or a lane. Made anew with
 * each route. Owns where its dealing of points is.
 */
import { TrafficShare } from '../balancing/traffic-share.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { LaneSplit, ServiceRoute, TrafficGroup } from '../routing/service-route.ts';
import { cookieLine, cookieNamed } from './cookies.ts';
import type { ServiceDesk } from './service-desk.ts';

export interface ChosenLane {
  /** Null: the service itself. */
  readonly lane: ServiceDesk | null;
  /** The value of the sticky cookie that the client is to be given; null: it has one, or there is none. */
  readonly newKey: string | null;
}

const OWN: ChosenLane = { lane: null, newKey: null };

export class LaneChoice {
  readonly #own: string;
  readonly #split: LaneSplit;
  readonly #share: TrafficShare;
  /** Names of services. */
  readonly #byHost: ReadonlyMap<string, string>;

  /** Null: there are no lanes. `seed`: from 0 to 1. */
  static of({ name, laneSplit }: ServiceRoute, seed: number): LaneChoice | null {
    return laneSplit === null ? null : new LaneChoice(name, laneSplit, seed);
  }

  private constructor(own: string, split: LaneSplit, seed: number) {
    this.#own = own;
    this.#split = split;
    const { lanes, ownHosts, stickyCookie } = split;
    this.#byHost = new Map([
      ...ownHosts.map((host) => [host, own] as const),
      ...lanes.flatMap(({ service, hosts }) => hosts.map((host) => [host, service] as const)),
    ]);
    this.#share = new TrafficShare({ groups: groupsOf(own, split), stickyCookie }, seed);
  }

  choose(head: RequestHead, desks: ReadonlyMap<string, ServiceDesk>): ChosenLane {
    const { stickyCookie } = this.#split;
    const pinned = head.host === null ? undefined : this.#byHost.get(head.host.name);
    if (pinned !== undefined) return { lane: this.#laneOf(pinned, desks), newKey: null };
    const kept = this.#kept(head, desks);
    if (kept !== null) return kept;
    const key = stickyCookie === null ? null : cookieNamed(head.fields, stickyCookie);
    const { group, newKey } = this.#share.of(key);
    return { lane: this.#laneOf(group.name, desks), newKey };
  }

  #laneOf(service: string, desks: ReadonlyMap<string, ServiceDesk>): ServiceDesk | null {
    return service === this.#own ? null : (desks.get(service) ?? null);
  }

  /** A whole line. */
  line(newKey: string, isSecure: boolean): string {
    const { stickyCookie } = this.#split;
    return stickyCookie === null ? '' : cookieLine(stickyCookie, newKey, isSecure);
  }

  /** Affinity goes before any split: the client goes on with the instance that it had first. */
  #kept({ fields }: RequestHead, desks: ReadonlyMap<string, ServiceDesk>): ChosenLane | null {
    if (desks.get(this.#own)?.sharing?.keeps(fields) === true) return OWN;
    for (const { service, percent } of this.#split.lanes) {
      const desk = desks.get(service);
      if (percent > 0 && desk?.sharing?.keeps(fields) === true) return { lane: desk, newKey: null };
    }
    return null;
  }
}

/** The service itself comes first: growing lanes take from its end, and nobody else moves. */
function groupsOf(own: string, { lanes }: LaneSplit): readonly TrafficGroup[] {
  const group = (name: string, percent: number): TrafficGroup => ({ name, percent, targetIds: [], keys: [] });
  const rest = 100 - lanes.reduce((sum, { percent }) => sum + percent, 0);
  return [group(own, Math.max(0, rest)), ...lanes.map(({ service, percent }) => group(service, percent))];
}
