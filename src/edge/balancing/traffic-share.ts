/**
 * Which group of a traffic split a request belongs to. Every client is a point from 0 to 1, and every group a piece of
 * that line as long as its percentage: when percentages change, only the clients between the old border and the new one
 * move. Who has no point is dealt the next one; owns where that is.
 */
import type { TrafficGroup, TrafficSplit } from '../routing/service-route.ts';
import { stableHash } from './stable-hash.ts';

export interface Share {
  readonly group: TrafficGroup;
  /** The value of the sticky cookie that the client is to be given; null: it has one, or there is none. */
  readonly newKey: string | null;
}

/** Multiples of it fill the line evenly however many there are: 10 % of any 1,000 points in a row are 99 to 101. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
const POINTS = 1_000_000;

export class TrafficShare {
  readonly #split: TrafficSplit;
  readonly #groupOfKey: ReadonlyMap<string, TrafficGroup>;
  #next: number;

  /** `seed`: from 0 to 1, another one for each worker. */
  constructor(split: TrafficSplit, seed: number) {
    this.#split = split;
    this.#groupOfKey = new Map(split.groups.flatMap((group) => group.keys.map((key) => [key, group])));
    this.#next = seed;
  }

  /** `key`: of the sticky cookie as the client sent it; null: none. */
  of(key: string | null): Share {
    if (key === null) return this.#dealt(this.#split);
    return { group: this.#groupOfKey.get(key) ?? groupAt(this.#split.groups, pointOf(key)), newKey: null };
  }

  #dealt({ groups, stickyCookie }: TrafficSplit): Share {
    this.#next = (this.#next + GOLDEN_RATIO) % 1;
    const point = Math.floor(this.#next * POINTS);
    return {
      group: groupAt(groups, point / POINTS),
      newKey: stickyCookie === null ? null : `~${String(point).padStart(6, '0')}`,
    };
  }
}

const DEALT = /^~([0-9]{6})$/;

/** Of a value that was dealt here: itself. Of one that the app has set (a user's id): by its hash. */
function pointOf(key: string): number {
  const dealt = DEALT.exec(key)?.[1];
  return dealt === undefined ? stableHash(key) / 2 ** 32 : Number(dealt) / POINTS;
}

function groupAt(groups: readonly TrafficGroup[], point: number): TrafficGroup {
  let border = 0;
  let last = groups[0]!;
  for (const group of groups) {
    if (group.percent === 0) continue;
    border += group.percent / 100;
    last = group;
    if (point < border) return group;
  }
  return last;
}
