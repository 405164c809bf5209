/** Everything people ask of projects. That one comes and goes is done here; what it serves and how it lives, by the two it makes. */
import type { Project, ProjectSettings } from '../../domain/project.ts';
import { allTo } from '../../domain/revision.ts';
import type { ProjectView } from '../contract.ts';
import { refusal } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { needLinked } from '../wake/service-commands.ts';
import { DeployCommands, type DeployCommandsNeeds } from './deploy-commands.ts';
import { LifeCommands, type LifeCommandsNeeds } from './life-commands.ts';
import { ProjectQueues } from './project-queues.ts';
import { checkRuntime } from './runtime-check.ts';

export interface ProjectCommandsNeeds
  extends Omit<DeployCommandsNeeds, 'queues'>,
    Omit<LifeCommandsNeeds, 'queues'> {
  readonly journal: Journal;
  /** Makes the supervisor of a stored project. */
  readonly admit: (project: Project) => ProjectSupervisor;
  /** Sets the life of a new project going. */
  readonly begin: (supervisor: ProjectSupervisor) => void;
  /** A project has other settings, or is gone. */
  readonly onSettings: (name: string) => void;
}

export class ProjectCommands {
  readonly deploys: DeployCommands;
  readonly life: LifeCommands;
  readonly #needs: ProjectCommandsNeeds & { readonly queues: ProjectQueues };

  constructor(needs: ProjectCommandsNeeds) {
    this.#needs = { ...needs, queues: new ProjectQueues(needs) };
    this.deploys = new DeployCommands(this.#needs);
    this.life = new LifeCommands(this.#needs);
  }

  create(settings: ProjectSettings): Promise<ProjectView> {
    return this.#needs.queues.inOrderWith(settings, async () => {
      checkRuntime(this.#needs.runtime, settings);
      const now = this.#needs.clock.now();
      const project: Project = {
        settings,
        wanted: 'active',
        revision: 1,
        traffic: allTo(1),
        createdAt: now,
        updatedAt: now,
      };
      await this.#needs.store.insertProject(project);
      const supervisor = this.#needs.admit(project);
      supervisor.chronicle.record('created');
      this.#needs.begin(supervisor);
      const conflict = await supervisor.whenRouted();
      if (conflict) {
        await this.#forget(supervisor);
        throw refusal.hostnameTaken(conflict.message, { hostname: settings.hostnames[0] ?? '' });
      }
      return this.#needs.lanes.view(supervisor);
    });
  }

  delete(name: string): Promise<void> {
    return this.#needs.queues.inOrder(name, async () => {
      const supervisor = this.#needs.registry.find(name);
      needLinked(supervisor);
      await this.#needs.rules.duringDelete(name, async () => {
        // A store that refuses has changed nothing, and nothing is told of it. The event goes with the others, below.
        await this.#needs.store.deleteProject(name);
        supervisor.chronicle.record('deleted');
        await this.#needs.journal.flush();
        await this.#forget(supervisor);
      });
    });
  }

  /** Out of the store first: were Luma killed now, the next start would remove what is left. */
  async #forget(supervisor: ProjectSupervisor): Promise<void> {
    await this.#needs.store.deleteProject(supervisor.name);
    await this.#needs.lanes.removeAll(supervisor);
    const told = supervisor.waiters.wait('delete');
    supervisor.send({ kind: 'delete-asked' });
    if (!(await told)) throw refusal.shuttingDown();
    supervisor.close();
    this.#needs.registry.remove(supervisor);
    this.#needs.onSettings(supervisor.name);
  }
}
