/**
 * Keeps projects that belong together in step: whenever one of them changes, what that means to the others is decided anew and
 * told to their machines. Owns who belongs together and what each was told last; counts nothing.
 */
import { assert } from '../../base/errors.ts';
import type { Keep } from '../../domain/keeping.ts';
import type { ProjectInput } from '../projects/project-input.ts';
import type { ProjectState } from '../projects/project-state.ts';
import { type BondedFacts, bondedOf, isSameBonded } from './bonded-project.ts';
import {
  type Bonded,
  type Dependencies,
  decideBonds,
  FREE,
  isSameDependencies,
  type Verdict,
} from './bonds.ts';
import { clustersOf, isTied } from './clusters.ts';
import { ROUNDS_MAX } from './limits.ts';

/** A project's supervisor, as far as bonds go. */
export interface BondSubject extends BondedFacts {
  readonly state: ProjectState | null;
  send(input: ProjectInput): void;
}

export interface BondKeeperNeeds {
  readonly all: () => readonly BondSubject[];
  readonly get: (name: string) => BondSubject | null;
  /** The end of its window of the calendar that is open. */
  readonly openUntil: (name: string) => number | null;
}

interface Told {
  readonly kept: boolean;
  readonly dependencies: Dependencies;
}

const NOTHING: Told = { kept: false, dependencies: FREE.dependencies };

export class BondKeeper {
  readonly #needs: BondKeeperNeeds;
  /** Who may matter to each other, by member; null: has to be found out. */
  #clusters: ReadonlyMap<string, readonly string[]> | null = null;
  /** Each project as it was seen last. */
  readonly #seen = new Map<string, Bonded>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #told = new Map<string, Told>();
  /** Something has happened to these. */
  readonly #changed = new Set<string>();
  #isSettling = false;

  constructor(needs: BondKeeperNeeds) {
    this.#needs = needs;
  }

  /** Why others, or the calendar, keep it awake; its own use is no reason. */
  keepsOf(name: string): readonly Keep[] {
    return this.#verdictOf(name).keeps.flatMap((keep): Keep[] => {
      if (keep.by !== 'group') return [keep];
      const projects = keep.projects.filter((project) => project !== name);
      return projects.length === 0 ? [] : [{ ...keep, projects }];
    });
  }

  /** A project came, went, or has other settings: it may belong to others than before. */
  onSettings(name: string): void {
    const before = this.#clusters?.get(name);
    const subject = this.#needs.get(name);
    if (!before && !(subject && isTied(subject))) return;
    this.#clusters = null;
    if (!subject) for (const map of [this.#seen, this.#verdicts, this.#told]) map.delete(name);
    this.#settle([name, ...(before ?? [])]);
  }

  /** Something has happened to a project, or its window has opened or closed. */
  onChange(name: string): void {
    if (!this.#findClusters().has(name)) return;
    const seen = this.#seen.get(name);
    const now = this.#look(name);
    if (now && seen && isSameBonded(now, seen)) return;
    this.#settle([name]);
  }

  #findClusters(): ReadonlyMap<string, readonly string[]> {
    this.#clusters ??= clustersOf(this.#needs.all());
    return this.#clusters;
  }

  #settle(names: readonly string[]): void {
    for (const name of names) this.#changed.add(name);
    // Whoever is settling already comes to them.
    if (this.#isSettling) return;
    this.#isSettling = true;
    try {
      for (const name of this.#changed) this.#settleCluster(this.#findClusters().get(name) ?? [name]);
    } finally {
      this.#isSettling = false;
      this.#changed.clear();
    }
  }

  /** What is told to one can change what others are to be told: until there is no more news. */
  #settleCluster(cluster: readonly string[]): void {
    for (const name of cluster) this.#see(name);
    for (let round = 0; this.#tellNews(cluster); round++) {
      assert(
        round < ROUNDS_MAX * cluster.length,
        `what ${cluster.join(', ')} want of each other comes to rest`,
      );
    }
    for (const name of cluster) this.#changed.delete(name);
  }

  /** Who is to be kept is kept before anybody relies on it, and let go when nobody does any more. */
  #tellNews(cluster: readonly string[]): boolean {
    const verdicts = decideBonds(cluster.flatMap((name) => this.#seen.get(name) ?? []));
    const known = [...verdicts.keys()];
    for (const [name, verdict] of verdicts) this.#verdicts.set(name, verdict);
    const isToBeKept = (name: string): boolean => (verdicts.get(name)?.keeps.length ?? 0) > 0;
    const toldOf = (name: string): Told => this.#told.get(name) ?? NOTHING;
    const kept = known.filter((name) => isToBeKept(name) && !toldOf(name).kept);
    for (const name of kept) this.#tellKept(name, true);
    if (kept.length > 0) return true;
    const moved = known.filter(
      (name) => !isSameDependencies(toldOf(name).dependencies, this.#verdictOf(name).dependencies),
    );
    for (const name of moved) this.#tellDependencies(name);
    if (moved.length > 0) return true;
    const freed = known.filter((name) => !isToBeKept(name) && toldOf(name).kept);
    for (const name of freed) this.#tellKept(name, false);
    return freed.length > 0;
  }

  #tellKept(name: string, kept: boolean): void {
    this.#told.set(name, { ...(this.#told.get(name) ?? NOTHING), kept });
    const subject = this.#needs.get(name);
    // Members of a group sleep together: none of them lingers.
    subject?.send({ kind: 'kept', kept, restarts: subject.keeping.group === null });
    this.#see(name);
  }

  #tellDependencies(name: string): void {
    const { dependencies } = this.#verdictOf(name);
    this.#told.set(name, { ...(this.#told.get(name) ?? NOTHING), dependencies });
    this.#needs.get(name)?.send({ kind: 'dependencies', dependencies });
    this.#see(name);
  }

  #verdictOf(name: string): Verdict {
    return this.#verdicts.get(name) ?? FREE;
  }

  #see(name: string): void {
    const bonded = this.#look(name);
    if (bonded) this.#seen.set(name, bonded);
    else this.#seen.delete(name);
  }

  /** Null: there is no such project, or nothing is known of its instances yet. */
  #look(name: string): Bonded | null {
    const subject = this.#needs.get(name);
    return subject?.state ? bondedOf(subject, subject.state, this.#needs.openUntil(name)) : null;
  }
}
