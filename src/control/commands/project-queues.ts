/** Changes of one project are made one after the other; those of different ones are not. Owns the queues, as long as they are used. */
import { Mailbox } from '../../base/mailbox.ts';
import type { ProjectSettings } from '../../domain/project.ts';
import type { DependencyRules } from '../dependencies/dependency-rules.ts';
import { refusal } from '../errors.ts';

export interface ProjectQueuesNeeds {
  readonly rules: DependencyRules;
  readonly isClosing: () => boolean;
}

export class ProjectQueues {
  readonly #needs: ProjectQueuesNeeds;
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(needs: ProjectQueuesNeeds) {
    this.#needs = needs;
  }

  async inOrder<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (this.#needs.isClosing()) throw refusal.shuttingDown();
    const mailbox = this.#mailboxes.get(name) ?? new Mailbox({ name: `project ${name}` });
    this.#mailboxes.set(name, mailbox);
    try {
      return await mailbox.post(task);
    } finally {
      void mailbox.whenIdle().then(() => {
        if (mailbox.isIdle && this.#mailboxes.get(name) === mailbox) this.#mailboxes.delete(name);
      });
    }
  }

  /** Those it depends on are there, and stay until the change is made. */
  inOrderWith<T>(settings: ProjectSettings, task: () => Promise<T>): Promise<T> {
    return this.inOrder(settings.name, () => this.#needs.rules.during(settings, task));
  }
}
