/**
 * How one service shares its requests out where that is said: by a traffic split, by affinity, or both. Made anew with
 * each route; what a request was given stays with it. Owns where its dealing of points is.
 */
import { stableHash } from '../balancing/stable-hash.ts';
import { TrafficShare } from '../balancing/traffic-share.ts';
import type { FieldSection } from '../http1/field-section.ts';
import type { ServiceRoute, TargetRoute } from '../routing/service-route.ts';
import { cookieLine, cookieNamed } from './cookies.ts';

/** What one request may choose among, best first. */
export interface RequestShare {
  /** The target that its client had before; affinity goes before any split. */
  readonly kept: TargetRoute | null;
  /** Of its group; null: there is no split. */
  readonly group: readonly TargetRoute[] | null;
  readonly newKey: string | null;
}

export class TargetSharing {
  readonly #route: ServiceRoute;
  readonly #share: TrafficShare | null;
  readonly #targetsOfGroup: ReadonlyMap<string, readonly TargetRoute[]>;

  /** Null: nothing is said of it. `seed`: from 0 to 1. */
  static of(route: ServiceRoute, seed: number): TargetSharing | null {
    return route.split === null && route.affinityCookie === null ? null : new TargetSharing(route, seed);
  }

  private constructor(route: ServiceRoute, seed: number) {
    this.#route = route;
    this.#share = route.split === null ? null : new TrafficShare(route.split, seed);
    this.#targetsOfGroup = new Map(
      route.split?.groups.map(({ name, targetIds }) => {
        const ids = new Set(targetIds);
        return [name, route.targets.filter(({ id }) => ids.has(id))];
      }),
    );
  }

  shareOf(fields: FieldSection): RequestShare {
    const { split } = this.#route;
    if (this.#share === null || split === null)
      return { kept: this.#kept(fields), group: null, newKey: null };
    const { stickyCookie } = split;
    const key = stickyCookie === null ? null : cookieNamed(fields, stickyCookie);
    const { group, newKey } = this.#share.of(key);
    return { kept: this.#kept(fields), group: this.#targetsOfGroup.get(group.name) ?? [], newKey };
  }

  /** Whole lines for the answer of a request that had this share and went to this target. */
  lines({ kept, newKey }: RequestShare, target: TargetRoute, isSecure: boolean): string {
    const { split, affinityCookie } = this.#route;
    const sticky = split?.stickyCookie ?? null;
    const split1 = sticky === null || newKey === null ? '' : cookieLine(sticky, newKey, isSecure);
    // One that is merely full for the moment is not left for ever.
    if (affinityCookie === null || kept !== null) return split1;
    return split1 + cookieLine(affinityCookie, keyOf(target), isSecure);
  }

  /** Whether the client had one of these targets first. */
  keeps(fields: FieldSection): boolean {
    return this.#kept(fields) !== null;
  }

  #kept(fields: FieldSection): TargetRoute | null {
    const { affinityCookie, targets } = this.#route;
    const key = affinityCookie === null ? null : cookieNamed(fields, affinityCookie);
    if (key === null) return null;
    return targets.find((target) => target.state === 'ready' && keyOf(target) === key) ?? null;
  }
}

/** Says nothing about where the target is. */
function keyOf({ id }: TargetRoute): string {
  return stableHash(id).toString(36);
}
