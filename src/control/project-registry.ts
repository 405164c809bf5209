/** All supervisors, by project and by instance. The control plane alone adds to it. */
import type { ProjectSupervisor } from './projects/project-supervisor.ts';

export class ProjectRegistry {
  readonly #byName = new Map<string, ProjectSupervisor>();
  readonly #projectOf = new Map<string, string>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): ProjectSupervisor | null {
    return this.#byName.get(name) ?? null;
  }

  byInstance(instanceId: string): ProjectSupervisor | null {
    const name = this.#projectOf.get(instanceId);
    return name === undefined ? null : this.get(name);
  }

  all(): ProjectSupervisor[] {
    return [...this.#byName.values()];
  }

  instanceIds(): string[] {
    return [...this.#projectOf.keys()];
  }

  add(supervisor: ProjectSupervisor): void {
    this.#byName.set(supervisor.name, supervisor);
  }

  remove(supervisor: ProjectSupervisor): void {
    this.#byName.delete(supervisor.name);
    for (const { id } of supervisor.state?.instances ?? []) this.#projectOf.delete(id);
  }

  place(project: string, instanceId: string, isThere: boolean): void {
    if (isThere) this.#projectOf.set(instanceId, project);
    else this.#projectOf.delete(instanceId);
  }
}
