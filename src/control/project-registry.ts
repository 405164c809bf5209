/** All supervisors, by service and by instance. The control plane and its lanes alone add to it. */
import { refusal } from './errors.ts';
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

export class ProjectRegistry {
  readonly #byService = new Map<string, ProjectSupervisor>();
  readonly #serviceOf = new Map<string, string>();
  readonly #listeners = new Set<() => void>();

  get(service: string): ProjectSupervisor | null {
    return this.#byService.get(service) ?? null;
  }

  /** That of the project's own service. */
  project(name: string): ProjectSupervisor | null {
    const supervisor = this.get(name);
    return supervisor?.isLane === false ? supervisor : null;
  }

  /** The same, for who needs it to be there. */
  find(name: string): ProjectSupervisor {
    const supervisor = this.project(name);
    if (!supervisor) throw refusal.notFound(name);
    return supervisor;
  }

  projects(): ProjectSupervisor[] {
    return this.all().filter((supervisor) => !supervisor.isLane);
  }

  byInstance(instanceId: string): ProjectSupervisor | null {
    const service = this.#serviceOf.get(instanceId);
    return service === undefined ? null : this.get(service);
  }

  all(): ProjectSupervisor[] {
    return [...this.#byService.values()];
  }

  instanceIds(): string[] {
    return [...this.#serviceOf.keys()];
  }

  add(supervisor: ProjectSupervisor): void {
    this.#byService.set(supervisor.service, supervisor);
    for (const listener of [...this.#listeners]) listener();
  }

  remove(supervisor: ProjectSupervisor): void {
    this.#byService.delete(supervisor.service);
    for (const { id } of supervisor.state?.instances ?? []) this.#serviceOf.delete(id);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back when a service comes or goes, until told to stop. */
  onServices(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  place(service: string, instanceId: string, isThere: boolean): void {
    if (isThere) this.#serviceOf.set(instanceId, service);
    else this.#serviceOf.delete(instanceId);
  }
}
