/** Events in the order they happened: into the store one after the other, then to whoever listens. */
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Mailbox } from '../../base/mailbox.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { Store } from '../../store/contract.ts';

export type Listener = (event: ProjectEvent) => void;

/** A store that hangs must not make us remember without end. */
const WAITING_MAX = 10_000;

export class Journal {
  readonly #store: Store;
  readonly #log: Log;
  readonly #mailbox = new Mailbox({ name: 'the event journal', waitingMax: WAITING_MAX });
  readonly #listeners = new Map<Listener, string | null>();

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Never waits, never fails: an event that cannot be kept is in the log. */
  append(event: Omit<ProjectEvent, 'id'>): void {
    const write = async (): Promise<void> => this.#deliver(await this.#store.appendEvent(event));
    this.#mailbox.post(write).catch((error: unknown) => {
      const { project, kind, message } = event;
      this.#log.warn('an event could not be stored', { project, kind, message, error: messageOf(error) });
    });
  }

  /** Hears of every event stored from now on; returns how to stop. */
  listen(project: string | null, listener: Listener): () => void {
    // Wrapped, so that one function may listen twice.
    const own: Listener = (event) => listener(event);
    this.#listeners.set(own, project);
    return () => void this.#listeners.delete(own);
  }

  /** Resolves when everything appended so far is stored or given up. */
  flush(): Promise<void> {
    return this.#mailbox.whenIdle();
  }

  #deliver(event: ProjectEvent): void {
    for (const [listener, project] of this.#listeners) {
      if (project !== null && project !== event.project) continue;
      try {
        listener(event);
      } catch (error) {
        this.#log.error('a listener to events failed', { error: messageOf(error) });
      }
    }
  }
}
