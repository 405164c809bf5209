/**
 * What people may say about dependencies: they exist, make no circle, and are not deleted while others need them. Owns what is
 * about to be true: changes of several projects are made at the same time.
 */
import type { ProjectSettings } from '../../domain/project.ts';
import { refusal } from '../errors.ts';
import { cycleThrough, type DependencyGraph, dependenciesOf, dependentsOf } from './graph.ts';

export interface KnownProject {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

export class DependencyRules {
  readonly #all: () => readonly KnownProject[];
  /** What a change under way will make of a project. */
  readonly #promised = new Map<string, readonly string[]>();
  readonly #leaving = new Set<string>();

  constructor(all: () => readonly KnownProject[]) {
    this.#all = all;
  }

  /** Refuses what cannot be, or runs the change that makes it true. */
  async during<T>({ name, keeping }: ProjectSettings, change: () => Promise<T>): Promise<T> {
    const names = keeping.dependsOn.map(({ project }) => project);
    if (names.length === 0) return change();
    this.#check(name, names);
    this.#promised.set(name, names);
    try {
      return await change();
    } finally {
      this.#promised.delete(name);
    }
  }

  /** Refuses to take away what others depend on, or runs the deletion. */
  async duringDelete<T>(name: string, deletion: () => Promise<T>): Promise<T> {
    const dependents = dependentsOf(this.graph(), name).filter((other) => !this.#leaving.has(other));
    if (dependents.length > 0) throw refusal.dependedOn(name, dependents);
    this.#leaving.add(name);
    try {
      return await deletion();
    } finally {
      this.#leaving.delete(name);
    }
  }

  /** Those it depends on, directly or not: each after its own. */
  dependenciesOf(name: string): readonly string[] {
    return dependenciesOf(this.graph(), name);
  }

  graph(): DependencyGraph {
    const graph = new Map(this.#all().map(({ name, dependsOn }) => [name, dependsOn]));
    for (const [name, dependsOn] of this.#promised) {
      // Until the change is made the old ones are needed too.
      graph.set(name, [...new Set([...(graph.get(name) ?? []), ...dependsOn])]);
    }
    return graph;
  }

  #check(name: string, names: readonly string[]): void {
    const graph = new Map(this.graph());
    for (const [at, dependency] of names.entries()) {
      const isThere = dependency === name || (graph.has(dependency) && !this.#leaving.has(dependency));
      if (!isThere) throw refusal.dependencyUnknown(dependency, `depends_on.${at}.project`);
    }
    graph.set(name, names);
    const cycle = cycleThrough(graph, name);
    if (cycle) throw refusal.dependencyCycle(cycle);
  }
}
