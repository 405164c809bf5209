/** Which projects can matter to each other: through dependencies and groups, also by way of others. Pure. */
import type { KeepingSettings } from '../../domain/keeping.ts';

export interface ClusterMember {
  readonly name: string;
  readonly keeping: KeepingSettings;
}

/** Something of what it says is about others, or the calendar. */
export function isTied({ keeping }: Pick<ClusterMember, 'keeping'>): boolean {
  return keeping.dependsOn.length > 0 || keeping.schedules.length > 0 || keeping.group !== null;
}

/** By member. A project that nothing ties to anybody, and that has no schedule, is in none. */
export function clustersOf(projects: readonly ClusterMember[]): ReadonlyMap<string, readonly string[]> {
  const neighbours = new Map<string, Set<string>>();
  const tie = (a: string, b: string): void => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const known = neighbours.get(one) ?? new Set();
      neighbours.set(one, known.add(other));
    }
  };
  const known = new Set(projects.map(({ name }) => name));
  for (const { name, keeping } of projects) {
    if (keeping.schedules.length > 0 || keeping.dependsOn.length > 0) tie(name, name);
    for (const { project } of keeping.dependsOn) if (known.has(project)) tie(name, project);
    // A group is a meeting place; no project can have a name with a space.
    if (keeping.group !== null) tie(name, `group ${keeping.group}`);
  }
  return gather(neighbours, known);
}

function gather(
  neighbours: ReadonlyMap<string, ReadonlySet<string>>,
  known: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const clusters = new Map<string, readonly string[]>();
  for (const start of neighbours.keys()) {
    if (clusters.has(start) || !known.has(start)) continue;
    const met = new Set([start]);
    for (const each of met) for (const next of neighbours.get(each) ?? []) met.add(next);
    const members = [...met].filter((name) => known.has(name));
    for (const name of members) clusters.set(name, members);
  }
  return clusters;
}
