/** Who depends on whom, as a graph that must have no cycle. Pure. */

/** What each project depends on, by name. */
export type DependencyGraph = ReadonlyMap<string, readonly string[]>;

/** The way from `project` back to itself, with its name at both ends; null: there is none. */
export function cycleThrough(graph: DependencyGraph, project: string): readonly string[] | null {
  const seen = new Set<string>();
  const follow = (name: string, way: readonly string[]): readonly string[] | null => {
    for (const next of graph.get(name) ?? []) {
      if (next === project) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = follow(next, [...way, next]);
      if (found) return found;
    }
    return null;
  };
  return follow(project, [project]);
}

/** Those it depends on, directly or not: each after those it depends on itself. */
export function dependenciesOf(graph: DependencyGraph, project: string): readonly string[] {
  const order: string[] = [];
  const seen = new Set([project]);
  const visit = (name: string): void => {
    for (const next of graph.get(name) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
      order.push(next);
    }
  };
  visit(project);
  return order;
}

export function dependentsOf(graph: DependencyGraph, project: string): readonly string[] {
  return [...graph].filter(([, dependencies]) => dependencies.includes(project)).map(([name]) => name);
}
