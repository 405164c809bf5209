/** One mailbox per instance that has anything to do; none for the others. */
import { Mailbox } from '../../base/mailbox.ts';

export class InstanceMailboxes {
  readonly #mailboxes = new Map<string, Mailbox>();

  get count(): number {
    return this.#mailboxes.size;
  }

  /** Runs the task after all earlier ones of this instance. */
  post<T>(instanceId: string, task: () => Promise<T>): Promise<T> {
    const mailbox = this.#mailboxes.get(instanceId) ?? new Mailbox({ name: `instance ${instanceId}` });
    this.#mailboxes.set(instanceId, mailbox);
    const posted = mailbox.post(task);
    void mailbox.whenIdle().then(() => {
      // Something may have come in the same moment.
      if (mailbox.isIdle) this.#mailboxes.delete(instanceId);
    });
    return posted;
  }
}
