/** A store that fails when it is told to: what happens above it when the disk does not do its part. */
import { LumaError } from '../../base/errors.ts';
import type { SecretKey } from '../../base/sealed-text.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { RegistryLogin } from '../../domain/registry.ts';
import type { Revision } from '../../domain/revision.ts';
import type { EventQuery, InstanceIntent, InstanceRecord, Store } from '../contract.ts';

export type StoreWrite =
  | 'installationId'
  | 'nextEpoch'
  | 'claimFirstStart'
  | 'insertProject'
  | 'updateProject'
  | 'deleteProject'
  | 'pinImage'
  | 'putInstance'
  | 'setInstanceIntent'
  | 'removeInstance'
  | 'putRegistry'
  | 'removeRegistry'
  | 'instanceKey'
  | 'rotateKey'
  | 'appendEvent';

/**
 * `refuse`: nothing was written. `lose-reply`: it was written, and the caller is told that it failed.
 */
export type WriteFate = 'pass' | 'refuse' | 'lose-reply';

/** Decides each write; `nth` counts all writes from 1. */
export type FailurePlan = (write: StoreWrite, nth: number) => WriteFate;

export class FailingStore implements Store {
  readonly kind = 'failing';
  readonly #inner: Store;
  readonly #plan: FailurePlan;
  #writes = 0;

  constructor(inner: Store, plan: FailurePlan) {
    this.#inner = inner;
    this.#plan = plan;
  }

  installationId(): Promise<string> {
    return this.#write('installationId', () => this.#inner.installationId());
  }

  nextEpoch(): Promise<number> {
    return this.#write('nextEpoch', () => this.#inner.nextEpoch());
  }

  claimFirstStart(): Promise<boolean> {
    return this.#write('claimFirstStart', () => this.#inner.claimFirstStart());
  }

  listProjects(): Promise<readonly Project[]> {
    return this.#inner.listProjects();
  }

  getProject(name: string): Promise<Project | null> {
    return this.#inner.getProject(name);
  }

  insertProject(project: Project): Promise<void> {
    return this.#write('insertProject', () => this.#inner.insertProject(project));
  }

  updateProject(project: Project): Promise<void> {
    return this.#write('updateProject', () => this.#inner.updateProject(project));
  }

  deleteProject(name: string): Promise<void> {
    return this.#write('deleteProject', () => this.#inner.deleteProject(name));
  }

  listRevisions(project: string): Promise<readonly Revision[]> {
    return this.#inner.listRevisions(project);
  }

  getRevision(project: string, number: number): Promise<Revision | null> {
    return this.#inner.getRevision(project, number);
  }

  pinImage(project: string, number: number, pinnedImage: string): Promise<void> {
    return this.#write('pinImage', () => this.#inner.pinImage(project, number, pinnedImage));
  }

  listInstances(): Promise<readonly InstanceRecord[]> {
    return this.#inner.listInstances();
  }

  putInstance(instance: InstanceRecord): Promise<void> {
    return this.#write('putInstance', () => this.#inner.putInstance(instance));
  }

  setInstanceIntent(instanceId: string, intent: InstanceIntent): Promise<void> {
    return this.#write('setInstanceIntent', () => this.#inner.setInstanceIntent(instanceId, intent));
  }

  removeInstance(instanceId: string): Promise<void> {
    return this.#write('removeInstance', () => this.#inner.removeInstance(instanceId));
  }

  listRegistries(): Promise<readonly RegistryLogin[]> {
    return this.#inner.listRegistries();
  }

  putRegistry(login: RegistryLogin): Promise<void> {
    return this.#write('putRegistry', () => this.#inner.putRegistry(login));
  }

  removeRegistry(host: string): Promise<void> {
    return this.#write('removeRegistry', () => this.#inner.removeRegistry(host));
  }

  instanceKey(): Promise<SecretKey> {
    return this.#write('instanceKey', () => this.#inner.instanceKey());
  }

  rotateKey(): Promise<string> {
    return this.#write('rotateKey', () => this.#inner.rotateKey());
  }

  appendEvent(event: Omit<ProjectEvent, 'id'>): Promise<ProjectEvent> {
    return this.#write('appendEvent', () => this.#inner.appendEvent(event));
  }

  listEvents(project: string, query?: EventQuery): Promise<readonly ProjectEvent[]> {
    return this.#inner.listEvents(project, query);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #write<T>(write: StoreWrite, run: () => Promise<T>): Promise<T> {
    const fate = this.#plan(write, ++this.#writes);
    if (fate === 'refuse') throw planned(write);
    const result = await run();
    if (fate === 'lose-reply') throw planned(write);
    return result;
  }
}

/** Fails the nth write and no other. */
export function failNthWrite(nth: number, fate: Exclude<WriteFate, 'pass'> = 'refuse'): FailurePlan {
  return (_write, count) => (count === nth ? fate : 'pass');
}

function planned(write: StoreWrite): LumaError {
  return new LumaError('store_unavailable', `the store did not do ${write}`, {
    hint: 'This failure was planned by a test.',
    details: { write },
  });
}
