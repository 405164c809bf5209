/**
 * What projects that belong together want of each other at one moment: who is kept awake, and who may be started. Decided from
 * what each of them is now and nothing else, so that nothing is counted that a restart could forget. Pure.
 */
import type { Dependency, Keep } from '../../domain/keeping.ts';
import type { StartFailure } from '../../domain/project-status.ts';

/** One project as the others see it. */
export interface Bonded {
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
  readonly group: string | null;
  /** The end of its window of the calendar that is open. */
  readonly openUntil: number | null;
  /** Something of it runs, or it is to be started as soon as it may. */
  readonly isUp: boolean;
  /** It is up for its own sake: somebody waits for it, used it lately, or it never sleeps. */
  readonly isUsed: boolean;
  /** Nothing puts it to sleep any more without a word from here. */
  readonly isKept: boolean;
  readonly isStarted: boolean;
  readonly isReady: boolean;
  /** It will not come up by waiting for it. */
  readonly failure: StartFailure | null;
}

/** Whether a project may be started, as far as others matter. */
export type Dependencies =
  | { readonly kind: 'met' }
  | { readonly kind: 'waiting'; readonly for: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: StartFailure };

export interface Verdict {
  readonly keeps: readonly Keep[];
  readonly dependencies: Dependencies;
}

export const FREE: Verdict = { keeps: [], dependencies: { kind: 'met' } };

export function decideBonds(projects: readonly Bonded[]): ReadonlyMap<string, Verdict> {
  const circle: Circle = {
    byName: new Map(projects.map((project) => [project.name, project])),
    groups: Map.groupBy(projects, ({ group }) => group),
    dependents: dependentsByName(projects),
    needed: new Set(),
  };
  noteNeeded(circle, projects);
  const keepsOfGroup = new Map(
    [...circle.groups].map(([group, members]) => [group, groupKeeps(circle, members)]),
  );
  return new Map(
    projects.map((project) => {
      const { name, group } = project;
      const keeps = [
        ...ownKeeps(circle, project),
        ...(group === null ? [] : (keepsOfGroup.get(group) ?? [])),
      ];
      return [name, { keeps, dependencies: dependenciesOf(circle, project) }];
    }),
  );
}

export function isSameDependencies(a: Dependencies, b: Dependencies): boolean {
  if (a.kind === 'waiting' && b.kind === 'waiting') return a.for.join() === b.for.join();
  if (a.kind !== 'failed' || b.kind !== 'failed') return a.kind === b.kind;
  return a.failure.at === b.failure.at && a.failure.message === b.failure.message;
}

interface Circle {
  readonly byName: ReadonlyMap<string, Bonded>;
  readonly groups: ReadonlyMap<string | null, readonly Bonded[]>;
  /** Those that depend on it and are up. */
  readonly dependents: ReadonlyMap<string, readonly string[]>;
  /** In use, or wanted by somebody who is: through dependencies and groups. */
  readonly needed: Set<string>;
}

function dependentsByName(projects: readonly Bonded[]): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  for (const { name, isUp, dependsOn } of projects) {
    if (!isUp) continue;
    for (const { project } of dependsOn) {
      const known = dependents.get(project);
      if (known) known.push(name);
      else dependents.set(project, [name]);
    }
  }
  return dependents;
}

function noteNeeded({ byName, groups, needed }: Circle, projects: readonly Bonded[]): void {
  const open = projects.filter(isReason);
  const groupsMet = new Set<string>();
  for (let each = open.pop(); each; each = open.pop()) {
    if (needed.has(each.name)) continue;
    needed.add(each.name);
    if (each.isUp) for (const { project } of each.dependsOn) open.push(...listOf(byName.get(project)));
    if (each.group === null || groupsMet.has(each.group)) continue;
    groupsMet.add(each.group);
    open.push(...(groups.get(each.group) ?? []));
  }
}

/** Needed for its own sake. */
function isReason({ isUsed, openUntil }: Bonded): boolean {
  return isUsed || openUntil !== null;
}

function ownKeeps({ dependents }: Circle, { name, openUntil }: Bonded): readonly Keep[] {
  const keeps: Keep[] = [];
  if (openUntil !== null) keeps.push({ by: 'schedule', until: openUntil });
  const projects = dependents.get(name);
  if (projects) keeps.push({ by: 'dependents', projects });
  return keeps;
}

/** For whose sake: those in use, and those that others are up for. */
function groupKeeps({ needed, dependents }: Circle, members: readonly Bonded[]): readonly Keep[] {
  const wanted = members.filter(({ name }) => needed.has(name));
  if (wanted.length === 0) return [];
  const reasons = wanted.filter((project) => isReason(project) || dependents.has(project.name));
  return [{ by: 'group', projects: reasons.map(({ name }) => name) }];
}

function dependenciesOf({ byName }: Circle, { dependsOn }: Bonded): Dependencies {
  const waitsFor: string[] = [];
  for (const dependency of dependsOn) {
    const other = byName.get(dependency.project);
    if (other && isMet(other, dependency)) continue;
    if (other?.failure) return { kind: 'failed', failure: failureOf(dependency.project, other.failure) };
    waitsFor.push(dependency.project);
  }
  return waitsFor.length === 0 ? { kind: 'met' } : { kind: 'waiting', for: waitsFor };
}

/** Only what is kept from sleeping is there for good. */
function isMet({ isKept, isReady, isStarted }: Bonded, { condition }: Dependency): boolean {
  return isKept && (condition === 'ready' ? isReady : isStarted);
}

function failureOf(name: string, { message, logLines, at }: StartFailure): StartFailure {
  return { code: 'dependency_failed', message: `it depends on ${name}: ${message}`, logLines, at };
}

function listOf<T>(one: T | undefined): T[] {
  return one === undefined ? [] : [one];
}
