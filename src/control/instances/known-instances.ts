/**
 * What one service knows of its instances beside their states, from an instance's first mention to its last. Owns who is known, and what
 * their revisions run; the service's supervisor alone tells it.
 */
import type { Clock } from '../../base/clock.ts';
import type { Project, RevisionSettings } from '../../domain/project.ts';
import type { InstanceAddress } from '../../runtimes/contract.ts';
import type { InstanceEntry, ProjectState } from '../projects/project-state.ts';
import { type InstanceFacts, newFacts } from './instance-facts.ts';
import { KnownRevisions } from './known-revisions.ts';

export interface KnownInstancesNeeds {
  readonly clock: Clock;
  /** The instance came to be, or is gone for ever. */
  readonly onInstance: (instanceId: string, isThere: boolean) => void;
  /** Something odd was heard of it: ask the runtime. */
  readonly onSuspect: (instanceId: string) => void;
}

export class KnownInstances {
  readonly facts = new Map<string, InstanceFacts>();
  readonly #needs: KnownInstancesNeeds;
  readonly #revisions = new KnownRevisions();
  #project: Project;

  constructor(needs: KnownInstancesNeeds, project: Project) {
    this.#needs = needs;
    this.#project = project;
  }

  /** The project becomes another. */
  follow(project: Project): void {
    this.#revisions.follow(this.#project, new Set([...this.facts.values()].map(({ revision }) => revision)));
    this.#project = project;
  }

  learnRevision(number: number, settings: RevisionSettings): void {
    this.#revisions.learn(number, settings);
  }

  /** `createdAt`: when its record was made; undefined: it has none yet. */
  meet(
    { id, revision }: Pick<InstanceEntry, 'id' | 'revision'>,
    createdAt: number | undefined,
    address: InstanceAddress | null,
  ): InstanceFacts {
    const settings = this.#revisions.of(this.#project, revision);
    const known = { isRecorded: createdAt !== undefined, address };
    const facts = newFacts(revision, settings, createdAt ?? this.#needs.clock.now(), known);
    this.facts.set(id, facts);
    this.#needs.onInstance(id, true);
    return facts;
  }

  /** After every step of the machine: who came, what moved, who is gone. */
  onChange(before: ProjectState, after: ProjectState): void {
    for (const entry of after.instances) if (!this.facts.has(entry.id)) this.meet(entry, undefined, null);
    for (const entry of after.instances) {
      const old = before.instances.find((other) => other.id === entry.id);
      const facts = this.facts.get(entry.id);
      if (facts) this.#note(entry, old, facts);
    }
    for (const { id } of before.instances) {
      if (after.instances.some((entry) => entry.id === id)) continue;
      this.facts.delete(id);
      this.#needs.onInstance(id, false);
    }
  }

  #note(entry: InstanceEntry, old: InstanceEntry | undefined, facts: InstanceFacts): void {
    if (old && old.state === entry.state && old.call === entry.call) return;
    facts.changes += 1;
    if (old?.state !== entry.state) facts.since = this.#needs.clock.now();
    if (entry.state === 'starting') facts.health = null;
    if (entry.call === null && facts.isSuspect) {
      facts.isSuspect = false;
      this.#needs.onSuspect(entry.id);
    }
  }
}
