/** Which revisions get a project's requests: what people ask for, and what deploys and rollbacks make of it. Pure. */
import type { TrafficShare } from './revision.ts';

/** One share as a person asks for it. */
export interface TrafficWish {
  /** `latest`: the one that the project's settings are, also after the next deploy. */
  readonly revision: number | 'latest';
  /** 0 to 100; those of all wishes make 100. */
  readonly percent: number;
  readonly tag: string | null;
}

/** A revision that gets requests, or has hosts, of its own beside the one that leads. */
export interface LaneWish {
  readonly revision: number;
  readonly percent: number;
  readonly tags: readonly string[];
  readonly isProved: boolean;
}

/** As many as the proxy tells apart. */
export const SHARES_MAX = 20;

/** What a deploy is to do to the split. */
export interface DeployTraffic {
  /** The new revision gets no requests; what followed the latest one stays where it is. */
  readonly isSilent: boolean;
  /** Its own, wherever it was before. */
  readonly tag: string | null;
  /** It must show first that it answers. */
  readonly verifies: boolean;
}

/** 60 and 10 of the same revision are 70. */
export function percentOf(traffic: readonly TrafficShare[], revision: number): number {
  return traffic.reduce((sum, share) => (share.revision === revision ? sum + share.percent : sum), 0);
}

/** The revision that the project's own service serves: it starts when nobody else does, and has what nobody else has. */
export function leadOf(traffic: readonly TrafficShare[]): number | null {
  return traffic.find(({ percent }) => percent > 0)?.revision ?? null;
}

/** The revisions beside the lead, by number. */
export function lanesOf(traffic: readonly TrafficShare[]): readonly LaneWish[] {
  const lead = leadOf(traffic);
  const revisions = [...new Set(traffic.map(({ revision }) => revision))].filter((each) => each !== lead);
  return revisions
    .sort((a, b) => a - b)
    .map((revision) => ({
      revision,
      percent: percentOf(traffic, revision),
      tags: tagsOf(traffic, revision),
      isProved: traffic.every((share) => share.revision !== revision || share.isProved),
    }));
}

export function tagsOf(traffic: readonly TrafficShare[], revision: number): readonly string[] {
  return traffic.flatMap((share) => (share.revision === revision && share.tag !== null ? [share.tag] : []));
}

/** Where a tag is reached; a wildcard has no such host. */
export function tagHosts(tag: string, hostnames: readonly string[]): readonly string[] {
  return hostnames.filter((host) => !host.startsWith('*')).map((host) => `${tag}---${host}`);
}

/** What a person asked for instead of `before`; `latest`: the project's revision. */
export function splitTo(
  wishes: readonly TrafficWish[],
  before: readonly TrafficShare[],
  { latest, verifies }: { readonly latest: number; readonly verifies: boolean },
): readonly TrafficShare[] {
  const shares = wishes.map(({ revision, percent, tag }) => {
    const number = revision === 'latest' ? latest : revision;
    const isProved = !verifies || isProvedIn(before, number);
    return { revision: number, percent, tag, isLatest: revision === 'latest', isProved };
  });
  return led(shares, before);
}

/** What the split is when `revision` is the project's latest. */
export function afterDeploy(
  before: readonly TrafficShare[],
  revision: number,
  { isSilent, tag, verifies }: DeployTraffic,
): readonly TrafficShare[] {
  const moved = withoutTag(before, tag).map((share) => {
    if (!share.isLatest) return share;
    return isSilent ? { ...share, isLatest: false } : { ...share, revision, isProved: !verifies };
  });
  const tagged = { revision, percent: 0, tag, isLatest: false, isProved: !verifies };
  return led(tag === null ? moved : [...moved, tagged], before);
}

/** Everything goes to `revision`, which is the project's latest again; tags stay where they are. */
export function afterRollback(before: readonly TrafficShare[], revision: number): readonly TrafficShare[] {
  const tagged = before.filter(({ tag }) => tag !== null);
  const all = { revision, percent: 100, tag: null, isLatest: true, isProved: true };
  return [all, ...tagged.map((share) => ({ ...share, percent: 0, isLatest: false }))];
}

/** It has shown that it answers. */
export function proved(traffic: readonly TrafficShare[], revision: number): readonly TrafficShare[] {
  return traffic.map((share) => (share.revision === revision ? { ...share, isProved: true } : share));
}

/**
 * The lead's share first: whoever led goes on leading while it has a share, for it runs already; otherwise the greatest.
 * The lead proves itself when it takes over.
 */
function led(shares: readonly TrafficShare[], before: readonly TrafficShare[]): readonly TrafficShare[] {
  const earlier = leadOf(before);
  const greatest = shares.toSorted(
    (a, b) => percentOf(shares, b.revision) - percentOf(shares, a.revision) || b.revision - a.revision,
  )[0]?.revision;
  const lead = earlier !== null && percentOf(shares, earlier) > 0 ? earlier : greatest;
  const isOfLead = (share: TrafficShare): boolean => share.revision === lead && share.percent > 0;
  return [
    ...shares.filter(isOfLead).map((share) => ({ ...share, isProved: true })),
    ...shares.filter((share) => !isOfLead(share)),
  ];
}

function isProvedIn(before: readonly TrafficShare[], revision: number): boolean {
  return before.some((share) => share.revision === revision && share.isProved);
}

/** A tag names one revision; a share that was nothing else goes with it. */
function withoutTag(shares: readonly TrafficShare[], tag: string | null): readonly TrafficShare[] {
  if (tag === null) return shares;
  return shares
    .map((share) => (share.tag === tag ? { ...share, tag: null } : share))
    .filter((share) => share.percent > 0 || share.tag !== null || share.isLatest);
}

/** Everything goes there, also after the next deploy. */
export function isLedWhole(traffic: readonly TrafficShare[], revision: number): boolean {
  return traffic.some((share) => share.revision === revision && share.isLatest && share.percent === 100);
}
