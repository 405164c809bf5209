/** What people ask of a project that is there: to wake, to sleep, to stop, to start again. Waits for the outcome; keeps nothing. */
import type { Clock } from '../../base/clock.ts';
import type { Keep } from '../../domain/keeping.ts';
import type { Wanted } from '../../domain/project.ts';
import type { Store } from '../../store/contract.ts';
import type { ProjectView, WakeResult } from '../contract.ts';
import type { DependencyRules } from '../dependencies/dependency-rules.ts';
import { refusal } from '../errors.ts';
import type { LaneKeeper } from '../lanes/lane-keeper.ts';
import type { ProjectRegistry } from '../project-registry.ts';
import type { ProjectSupervisor } from '../projects/project-supervisor.ts';
import { needLinked, sleepService, wakeService } from '../wake/service-commands.ts';
import type { ProjectQueues } from './project-queues.ts';

export interface LifeCommandsNeeds {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: ProjectRegistry;
  readonly lanes: LaneKeeper;
  readonly queues: ProjectQueues;
  readonly rules: DependencyRules;
  /** Why the project may not sleep although nobody uses it. */
  readonly keepsOf: (name: string) => readonly Keep[];
  readonly isClosing: () => boolean;
}

export class LifeCommands {
  readonly #needs: LifeCommandsNeeds;

  constructor(needs: LifeCommandsNeeds) {
    this.#needs = needs;
  }

  /** Every revision that is to get requests: each serves its share of them. */
  async wake(name: string, signal?: AbortSignal): Promise<WakeResult> {
    const supervisor = this.#findOpen(name);
    const lanes = this.#needs.lanes.of(name).filter(({ wish }) => wish.percent > 0);
    const all = [supervisor, ...lanes.map((lane) => lane.supervisor)];
    for (const dependency of this.#needs.rules.dependenciesOf(name)) this.#tryAgain(dependency);
    const durationsMs = await Promise.all(all.map((each) => wakeService(each, this.#needs.clock, signal)));
    return { view: this.#needs.lanes.view(supervisor), durationMs: Math.max(...durationsMs) };
  }

  async sleep(name: string): Promise<ProjectView> {
    const supervisor = this.#findOpen(name);
    if (supervisor.project.wanted === 'stopped') return this.#needs.lanes.view(supervisor);
    if (supervisor.bounds.least > 0) throw refusal.keptAwake(name, supervisor.bounds.least);
    needLinked(supervisor);
    this.#quieten(supervisor);
    const whole = this.#whole(supervisor);
    const keeps = whole.flatMap(({ service }) => this.#needs.keepsOf(service));
    if (keeps.length > 0) throw refusal.keptFor(name, keeps);
    await Promise.all(whole.map((each) => sleepService(each)));
    return this.#needs.lanes.view(supervisor);
  }

  async stop(name: string): Promise<ProjectView> {
    const { supervisor, told } = await this.#needs.queues.inOrder(name, async () => {
      const found = this.#needs.registry.find(name);
      needLinked(found);
      await this.#want(found, 'stopped');
      const waiting = this.#whole(found).map((each) => {
        const stopped = each.waiters.wait('stop');
        each.send({ kind: 'stop-asked' });
        return stopped;
      });
      return { supervisor: found, told: Promise.all(waiting) };
    });
    if (!(await told).every((outcome) => outcome !== null)) throw refusal.shuttingDown();
    return this.#needs.lanes.view(supervisor);
  }

  start(name: string): Promise<ProjectView> {
    return this.#needs.queues.inOrder(name, async () => {
      const supervisor = this.#needs.registry.find(name);
      await this.#want(supervisor, 'active');
      const whole = this.#whole(supervisor);
      for (const each of whole) each.send({ kind: 'start-asked' });
      // Who starts it asks it next: until then the proxy would still say that it is stopped.
      await Promise.all(whole.map((each) => each.whenRouted()));
      return this.#needs.lanes.view(supervisor);
    });
  }

  /** The project's own service, and those of its lanes that are to stay. */
  #whole(supervisor: ProjectSupervisor): readonly ProjectSupervisor[] {
    const lanes = this.#needs.lanes.of(supervisor.name).filter(({ purpose }) => purpose !== 'leaves');
    return [supervisor, ...lanes.map((lane) => lane.supervisor)];
  }

  /** A person has no patience with the back-off of what is needed. */
  #tryAgain(dependency: string): void {
    const supervisor = this.#needs.registry.get(dependency);
    if (supervisor?.state?.backoff) supervisor.send({ kind: 'wake', by: 'person' });
  }

  /** A group sleeps together: whoever of it is quiet has been quiet for long enough. */
  #quieten({ keeping: { group } }: ProjectSupervisor): void {
    if (group === null) return;
    for (const other of this.#needs.registry.all()) {
      if (other.keeping.group === group) other.send({ kind: 'quiet-said' });
    }
  }

  #findOpen(name: string): ProjectSupervisor {
    if (this.#needs.isClosing()) throw refusal.shuttingDown();
    return this.#needs.registry.find(name);
  }

  async #want(supervisor: ProjectSupervisor, wanted: Wanted): Promise<void> {
    const { project } = supervisor;
    if (project.wanted === wanted) return;
    const changed = { ...project, wanted, updatedAt: this.#needs.clock.now() };
    await this.#needs.store.updateProject(changed);
    supervisor.replaceProject(changed);
    await this.#needs.lanes.follow(supervisor);
  }
}
