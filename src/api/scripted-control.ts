/** A control plane for the API's tests: keeps projects in memory, and does what a test scripts it to do. */
import { LumaError } from '../base/errors.ts';
import type {
  ControlPlaneDoor,
  DeployOptions,
  HealthView,
  InstanceView,
  LoginOptions,
  LogQuery,
  ProjectView,
  RegistryView,
  ReplaceOptions,
  RevisionView,
  RollbackOptions,
  WakeResult,
} from '../control/contract.ts';
import type { Keep } from '../domain/keeping.ts';
import type { Project, ProjectSettings, Wanted } from '../domain/project.ts';
import type { ProjectEvent, ProjectEventKind } from '../domain/project-event.ts';
import type { ProjectStatusName, StartFailure } from '../domain/project-status.ts';
import type { RegistryCredentials } from '../domain/registry.ts';
import { allTo, revisionSettingsOf } from '../domain/revision.ts';
import { splitTo, type TrafficWish, tagHosts } from '../domain/traffic.ts';
import type { LogLine } from './project-json.ts';

export const SCRIPTED_NOW = 1_700_000_000_000;

export class ScriptedControl implements ControlPlaneDoor {
  /** Thrown by the next call of that name. */
  readonly failures = new Map<keyof ControlPlaneDoor, unknown>();
  readonly calls: string[] = [];
  readonly deploys: ReplaceOptions[] = [];
  readonly logQueries: LogQuery[] = [];
  readonly logins: { readonly host: string; readonly verify: boolean }[] = [];
  statusName: ProjectStatusName = 'idle';
  failure: StartFailure | null = null;
  switchFailure: StartFailure | null = null;
  instances: readonly InstanceView[] = [];
  keeps: readonly Keep[] = [];
  waitsFor: readonly string[] = [];
  logSource: (query: LogQuery) => AsyncIterable<LogLine> = async function* () {};
  /** Wakes wait for it. */
  wakeGate: (signal: AbortSignal | undefined) => Promise<void> = async () => {};
  listenerCount = 0;
  readonly registries = new Map<string, RegistryCredentials>();
  readonly #projects = new Map<string, Project>();
  readonly #events: ProjectEvent[] = [];
  readonly #listeners = new Map<(event: ProjectEvent) => void, string | null>();

  async listProjects(): Promise<readonly ProjectView[]> {
    this.#enter('listProjects');
    return [...this.#projects.values()].map((project) => this.#view(project));
  }

  async getProject(name: string): Promise<ProjectView> {
    this.#enter('getProject');
    return this.#view(this.#find(name));
  }

  async createProject(settings: ProjectSettings): Promise<ProjectView> {
    this.#enter('createProject');
    if (this.#projects.has(settings.name)) {
      throw new LumaError('project_exists', `there is a project named ${settings.name} already`);
    }
    return this.#store(settings, 1, 'active');
  }

  async replaceProject(settings: ProjectSettings, options: ReplaceOptions = {}): Promise<ProjectView> {
    this.#enter('replaceProject');
    this.deploys.push(options);
    const { revision, wanted } = this.#find(settings.name);
    return this.#store(settings, revision + 1, wanted);
  }

  async splitTraffic(
    name: string,
    wishes: readonly TrafficWish[],
    options: DeployOptions = {},
  ): Promise<ProjectView> {
    this.#enter('splitTraffic');
    this.deploys.push(options);
    const project = this.#find(name);
    const latest = project.revision;
    const traffic = splitTo(wishes, project.traffic, { latest, verifies: options.verify ?? true });
    this.#projects.set(name, { ...project, traffic });
    return this.getProject(name);
  }

  async revisions(name: string): Promise<readonly RevisionView[]> {
    this.#enter('revisions');
    const { settings, revision: number, createdAt } = this.#find(name);
    const shown = { project: name, number, settings: revisionSettingsOf(settings), createdAt };
    return [{ revision: { ...shown, pinnedImage: 'sha256:1' }, percent: 100, tags: [] }];
  }

  async rollback(name: string, { revision }: RollbackOptions): Promise<ProjectView> {
    this.#enter('rollback');
    const project = this.#find(name);
    return this.#store(project.settings, revision ?? project.revision - 1, project.wanted);
  }

  async deleteProject(name: string): Promise<void> {
    this.#enter('deleteProject');
    this.#find(name);
    this.#projects.delete(name);
  }

  async wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    this.#enter('wake');
    const project = this.#find(name);
    await this.wakeGate(signal);
    this.statusName = 'running';
    return { view: this.#view(project), durationMs: 123 };
  }

  async sleep(name: string): Promise<ProjectView> {
    this.#enter('sleep');
    return this.#view(this.#find(name));
  }

  async stop(name: string): Promise<ProjectView> {
    this.#enter('stop');
    this.statusName = 'stopped';
    return this.#view(this.#find(name));
  }

  async start(name: string): Promise<ProjectView> {
    this.#enter('start');
    this.statusName = 'idle';
    return this.#view(this.#find(name));
  }

  async logs(name: string, query: LogQuery): Promise<AsyncIterable<LogLine>> {
    this.#enter('logs');
    this.#find(name);
    this.logQueries.push(query);
    return this.logSource(query);
  }

  async events(name: string, query: { limit?: number; afterId?: number }): Promise<readonly ProjectEvent[]> {
    this.#enter('events');
    const { limit = 100, afterId } = query;
    const all = this.#events.filter((event) => event.project === name);
    const wanted = afterId === undefined ? all.toReversed() : all.filter((event) => event.id > afterId);
    return wanted.slice(0, limit);
  }

  onEvent(name: string | null, listener: (event: ProjectEvent) => void): () => void {
    this.#listeners.set(listener, name);
    this.listenerCount = this.#listeners.size;
    return () => {
      this.#listeners.delete(listener);
      this.listenerCount = this.#listeners.size;
    };
  }

  async listRegistries(): Promise<readonly RegistryView[]> {
    this.#enter('listRegistries');
    return [...this.registries.keys()].map((host) => this.#registry(host));
  }

  async getRegistry(host: string): Promise<RegistryView> {
    this.#enter('getRegistry');
    return this.#registry(host);
  }

  async putRegistry(
    host: string,
    credentials: RegistryCredentials,
    { verify = true }: LoginOptions = {},
  ): Promise<RegistryView> {
    this.#enter('putRegistry');
    this.logins.push({ host, verify });
    this.registries.set(host, credentials);
    return this.#registry(host);
  }

  async removeRegistry(host: string): Promise<void> {
    this.#enter('removeRegistry');
    this.#registry(host);
    this.registries.delete(host);
  }

  async rotateKey(): Promise<string> {
    this.#enter('rotateKey');
    return '0123456789abcdef';
  }

  async health(): Promise<HealthView> {
    this.#enter('health');
    return {
      status: 'ok',
      version: '0.1.0',
      proxy: 'connected',
      store: 'ok',
      runtime: { kind: 'fake', name: 'Fake', version: '1', available: true },
      projects: this.#projects.size,
    };
  }

  /** Makes something happen. */
  emit(project: string, kind: ProjectEventKind, message: string): ProjectEvent {
    const id = (this.#events.at(-1)?.id ?? 0) + 1;
    const event = { id, project, kind, at: SCRIPTED_NOW + id, message, details: {} };
    this.#events.push(event);
    for (const [listener, name] of this.#listeners) {
      if (name === null || name === project) listener(event);
    }
    return event;
  }

  /** Everything that is stored, for comparing before and after. */
  stored(): string {
    return JSON.stringify([...this.#projects]);
  }

  #enter(call: keyof ControlPlaneDoor): void {
    this.calls.push(call);
    if (!this.failures.has(call)) return;
    const failure = this.failures.get(call);
    this.failures.delete(call);
    throw failure;
  }

  #registry(host: string): RegistryView {
    const credentials = this.registries.get(host);
    if (!credentials) throw new LumaError('registry_not_found', `no credentials are kept for ${host}`);
    const { kind } = credentials;
    const username = kind === 'password' ? credentials.username : null;
    return { host, kind, username, updatedAt: SCRIPTED_NOW };
  }

  #find(name: string): Project {
    const project = this.#projects.get(name);
    if (project) return project;
    throw new LumaError('project_not_found', `there is no project named ${name}`, { hint: 'List them.' });
  }

  #store(settings: ProjectSettings, revision: number, wanted: Wanted): ProjectView {
    for (const { settings: other } of this.#projects.values()) {
      const taken =
        other.name === settings.name
          ? undefined
          : settings.hostnames.find((h) => other.hostnames.includes(h));
      if (taken === undefined) continue;
      const details = { hostname: taken, owner: other.name };
      throw new LumaError('hostname_taken', `the hostname ${taken} belongs to project ${other.name}`, {
        details,
      });
    }
    const project = {
      settings,
      wanted,
      revision,
      traffic: allTo(revision),
      createdAt: SCRIPTED_NOW,
      updatedAt: SCRIPTED_NOW + revision,
    };
    this.#projects.set(settings.name, project);
    return this.#view(project);
  }

  #view(project: Project): ProjectView {
    const { statusName: name, failure, switchFailure, instances } = this;
    const { keeps, waitsFor } = this;
    const status = { name, failure };
    const traffic = project.traffic.map((share) => ({
      ...share,
      wanted: share.percent,
      hosts: share.tag === null ? [] : tagHosts(share.tag, project.settings.hostnames),
      status,
    }));
    return { project, status, switchFailure, traffic, instances, keeps, waitsFor };
  }
}
