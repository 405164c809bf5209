/** The store without a disk, for tests and throw-away runs: same rules, same refusals, gone with the process. */
import { randomBytes } from 'node:crypto';
import { newSecretKey, type SecretKey } from '../../base/sealed-text.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { RegistryLogin } from '../../domain/registry.ts';
import { type Revision, revisionSettingsOf, revisionsToForget } from '../../domain/revision.ts';
import type { EventQuery, InstanceIntent, InstanceRecord, Store } from '../contract.ts';
import { EVENTS_LISTED_DEFAULT, EVENTS_PER_PROJECT_MAX } from '../limits.ts';
import { hostnameTaken, instanceNotFound, projectExists, projectNotFound } from '../refusals.ts';

export class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly #installationId = randomBytes(8).toString('hex');
  readonly #projects = new Map<string, Project>();
  readonly #revisions = new Map<string, Revision[]>();
  readonly #ownerByHostname = new Map<string, string>();
  readonly #registries = new Map<string, RegistryLogin>();
  readonly #instanceKey = newSecretKey();
  readonly #instances = new Map<string, InstanceRecord>();
  readonly #eventsByProject = new Map<string, ProjectEvent[]>();
  #epoch = 0;
  #eventId = 0;
  #isFirstStart = true;

  async installationId(): Promise<string> {
    return this.#installationId;
  }

  async nextEpoch(): Promise<number> {
    return ++this.#epoch;
  }

  async claimFirstStart(): Promise<boolean> {
    const isFirst = this.#isFirstStart;
    this.#isFirstStart = false;
    return isFirst;
  }

  async listProjects(): Promise<readonly Project[]> {
    return sortedBy([...this.#projects.values()], (project) => project.settings.name).map(copyOf);
  }

  async getProject(name: string): Promise<Project | null> {
    const project = this.#projects.get(name);
    return project ? copyOf(project) : null;
  }

  async insertProject(project: Project): Promise<void> {
    const { name } = project.settings;
    if (this.#projects.has(name)) throw projectExists(name);
    this.#put(project);
  }

  async updateProject(project: Project): Promise<void> {
    const { name } = project.settings;
    if (!this.#projects.has(name)) throw projectNotFound(name);
    this.#put(project);
  }

  async deleteProject(name: string): Promise<void> {
    this.#releaseHostnames(name);
    this.#projects.delete(name);
    this.#revisions.delete(name);
    this.#eventsByProject.delete(name);
  }

  async listRevisions(project: string): Promise<readonly Revision[]> {
    return this.#revisionsOf(project)
      .toSorted((a, b) => b.number - a.number)
      .map(copyOf);
  }

  async getRevision(project: string, number: number): Promise<Revision | null> {
    const found = this.#revisionsOf(project).find((revision) => revision.number === number);
    return found ? copyOf(found) : null;
  }

  async pinImage(project: string, number: number, pinnedImage: string): Promise<void> {
    const pinned = this.#revisionsOf(project).map((revision) =>
      revision.number === number && revision.pinnedImage === null ? { ...revision, pinnedImage } : revision,
    );
    this.#revisions.set(project, pinned);
  }

  async listInstances(): Promise<readonly InstanceRecord[]> {
    return sortedBy([...this.#instances.values()], (instance) => instance.instanceId);
  }

  async putInstance(instance: InstanceRecord): Promise<void> {
    this.#instances.set(instance.instanceId, { ...instance });
  }

  async setInstanceIntent(instanceId: string, intent: InstanceIntent): Promise<void> {
    const instance = this.#instances.get(instanceId);
    if (!instance) throw instanceNotFound(instanceId);
    this.#instances.set(instanceId, { ...instance, intent });
  }

  async removeInstance(instanceId: string): Promise<void> {
    this.#instances.delete(instanceId);
  }

  async listRegistries(): Promise<readonly RegistryLogin[]> {
    return sortedBy([...this.#registries.values()], (login) => login.host).map(copyOf);
  }

  async putRegistry(login: RegistryLogin): Promise<void> {
    this.#registries.set(login.host, copyOf(login));
  }

  async removeRegistry(host: string): Promise<void> {
    this.#registries.delete(host);
  }

  async instanceKey(): Promise<SecretKey> {
    return this.#instanceKey;
  }

  /** Nothing is sealed here. */
  async rotateKey(): Promise<string> {
    return newSecretKey().id;
  }

  async appendEvent(event: Omit<ProjectEvent, 'id'>): Promise<ProjectEvent> {
    const appended = copyOf({ ...event, id: ++this.#eventId });
    const events = this.#eventsByProject.get(event.project) ?? [];
    events.push(appended);
    if (events.length > EVENTS_PER_PROJECT_MAX) events.shift();
    this.#eventsByProject.set(event.project, events);
    return copyOf(appended);
  }

  async listEvents(project: string, query: EventQuery = {}): Promise<readonly ProjectEvent[]> {
    const { afterId, limit = EVENTS_LISTED_DEFAULT } = query;
    const events = this.#eventsByProject.get(project) ?? [];
    const wanted = afterId === undefined ? events.toReversed() : events.filter((event) => event.id > afterId);
    return wanted.slice(0, limit).map(copyOf);
  }

  async close(): Promise<void> {}

  #put(project: Project): void {
    const { name, hostnames } = project.settings;
    for (const hostname of hostnames.toSorted()) {
      const owner = this.#ownerByHostname.get(hostname);
      if (owner !== undefined && owner !== name) throw hostnameTaken(hostname, owner);
    }
    this.#releaseHostnames(name);
    for (const hostname of hostnames) this.#ownerByHostname.set(hostname, name);
    this.#projects.set(name, copyOf(project));
    this.#keepRevision(project);
  }

  #revisionsOf(project: string): readonly Revision[] {
    return this.#revisions.get(project) ?? [];
  }

  #keepRevision({ settings, revision: number, traffic, updatedAt: createdAt }: Project): void {
    const known = this.#revisionsOf(settings.name);
    const project = settings.name;
    const own = copyOf(revisionSettingsOf(settings));
    const added = { project, number, settings: own, pinnedImage: null, createdAt };
    const all = known.some((revision) => revision.number === number) ? known : [...known, added];
    const used = [number, ...traffic.map((share) => share.revision)];
    const forgotten = revisionsToForget(
      all.map((revision) => revision.number),
      used,
    );
    this.#revisions.set(
      project,
      all.filter((revision) => !forgotten.includes(revision.number)),
    );
  }

  #releaseHostnames(name: string): void {
    for (const hostname of this.#projects.get(name)?.settings.hostnames ?? []) {
      this.#ownerByHostname.delete(hostname);
    }
  }
}

/** What callers hold and what the store keeps never share an object, as with a real database. */
function copyOf<T>(value: T): T {
  return structuredClone(value);
}

/** By code unit, as the databases' binary collation sorts. */
function sortedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
