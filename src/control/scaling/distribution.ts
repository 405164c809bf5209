/** How many instances of each revision carry a project's load. Pure. */

/** By revision. */
export type Distribution = ReadonlyMap<number, number>;

/**
 * Each revision gets its percentage of the instances, rounded up, and at least one.
 * 10 instances over 90 % and 10 % are 9 and 1; 3 over 90 % and 10 % are 3 and 1; 4 over 50 % and 50 % are 2 and 2.
 */
export function distribute(
  lineup: readonly { readonly revision: number; readonly percent: number }[],
  count: number,
): Distribution {
  return new Map(
    lineup.map(({ revision, percent }) => [revision, Math.max(1, Math.ceil((count * percent) / 100))]),
  );
}
