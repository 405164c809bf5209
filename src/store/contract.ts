/**
 * What every store keeps: projects, their instances, their events. One contract suite
 * (`store.contract.ts`) runs over SQLite, memory and, later, the servers.
 * Every method is one transaction: it happens whole or not at all, also at a kill -9.
 */
import { isLumaError, type LumaError } from '../base/errors.ts';
import type { SecretKey } from '../base/sealed-text.ts';
import type { Project } from '../domain/project.ts';
import type { ProjectEvent } from '../domain/project-event.ts';
import type { RegistryLogin } from '../domain/registry.ts';
import type { Revision } from '../domain/revision.ts';

/**
 * What Luma intends with an instance, stored before the engine is called, so that adoption can finish it.
 * `live`: may run or lie stopped. `stopping`: a stop was begun. `removing`: it must disappear.
 */
export type InstanceIntent = 'live' | 'stopping' | 'removing';

export interface InstanceRecord {
  readonly instanceId: string;
  readonly project: string;
  /** What it is a target of at the proxy: its project's own service, or a lane of it. */
  readonly service: string;
  readonly revision: number;
  readonly intent: InstanceIntent;
  readonly createdAt: number;
}

export interface EventQuery {
  /** Newest first unless `afterId` is given; at most this many. Default 100. */
  readonly limit?: number;
  /** Only events with a greater id, oldest first: for following. */
  readonly afterId?: number;
}

export interface Store {
  readonly kind: 'sqlite' | 'memory' | 'failing' | 'postgres' | 'mysql';

  /** This installation's id: made once, the label on everything Luma owns. */
  installationId(): Promise<string>;
  /** Raised by one and returned: each control plane that starts has a higher epoch. */
  nextEpoch(): Promise<number>;
  /** True once ever: the first start on an empty store may seed its example. */
  claimFirstStart(): Promise<boolean>;

  listProjects(): Promise<readonly Project[]>;
  getProject(name: string): Promise<Project | null>;
  /**
   * Inserts it with its revision, or fails with `project_exists` or `hostname_taken` (details: { hostname, owner }).
   */
  insertProject(project: Project): Promise<void>;
  /**
   * Replaces, or fails with `project_not_found` or `hostname_taken`. A revision of that number is kept as it is; a new one is
   * added from the settings, and the oldest that are not in use go (`revisionsToForget`).
   */
  updateProject(project: Project): Promise<void>;
  /** Removes the project, its revisions and its events; its instance records stay until removed one by one. Idempotent. */
  deleteProject(name: string): Promise<void>;

  /** Newest first. */
  listRevisions(project: string): Promise<readonly Revision[]>;
  getRevision(project: string, number: number): Promise<Revision | null>;
  /** What its first instance was prepared from; the first word counts. */
  pinImage(project: string, number: number, pinnedImage: string): Promise<void>;

  listInstances(): Promise<readonly InstanceRecord[]>;
  putInstance(instance: InstanceRecord): Promise<void>;
  /** Fails with `instance_not_found`. */
  setInstanceIntent(instanceId: string, intent: InstanceIntent): Promise<void>;
  removeInstance(instanceId: string): Promise<void>;

  /** By host. Passwords and tokens are sealed wherever they lie. */
  listRegistries(): Promise<readonly RegistryLogin[]>;
  /** Inserts or replaces. */
  putRegistry(login: RegistryLogin): Promise<void>;
  /** Idempotent. */
  removeRegistry(host: string): Promise<void>;

  /** What a runtime seals its own files with: made once, sealed itself, the same after a change of keys. */
  instanceKey(): Promise<SecretKey>;
  /** Seals everything with a new key, all or nothing; the old one opens nothing any more. Resolves with the new one's id. */
  rotateKey(): Promise<string>;

  /** Appends and returns with its id; keeps the newest 1,000 per project. */
  appendEvent(event: Omit<ProjectEvent, 'id'>): Promise<ProjectEvent>;
  listEvents(project: string, query?: EventQuery): Promise<readonly ProjectEvent[]>;

  close(): Promise<void>;
}

const away: readonly string[] = ['store_busy', 'store_full', 'store_unavailable', 'store_unreadable'];

/** It may be back later, with all it had: locked, full, gone or damaged. Anything else is not the database's fault. */
export function isStoreAway(error: unknown): error is LumaError {
  return isLumaError(error) && away.includes(error.code);
}
