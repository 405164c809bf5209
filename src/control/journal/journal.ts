/** Events in the order they happened: into the store one after the other, then to whoever listens. */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Mailbox } from '../../base/mailbox.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import type { Store } from '../../store/contract.ts';

export type Listener = (event: ProjectEvent) => void;

/** A store that hangs must not make us remember without end. */
const WAITING_MAX = 10_000;
/** A wake that takes longer does not keep the events of others. */
const PAUSE_MAX_MS = 1_000;

type NewEvent = Omit<ProjectEvent, 'id'>;

export class Journal {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #mailbox = new Mailbox({ name: 'the event journal', waitingMax: WAITING_MAX });
  readonly #listeners = new Map<Listener, string | null>();
  readonly #pending: NewEvent[] = [];
  #pauses = 0;
  #timer: Timer | null = null;

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Never waits, never fails: an event that cannot be kept is in the log. */
  append(event: NewEvent): void {
    if (this.#pending.length >= WAITING_MAX) this.#write();
    this.#pending.push(event);
    if (this.#pauses === 0) this.#write();
    else this.#timer ??= this.#clock.after(PAUSE_MAX_MS, () => this.#write());
  }

  /** Until `resume` nothing is written, for a second at most: a store that syncs would keep a wake waiting. */
  pause(): void {
    this.#pauses += 1;
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#write();
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
    this.#write();
    return this.#mailbox.whenIdle();
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const event of this.#pending.splice(0)) this.#post(event);
  }

  #post(event: NewEvent): void {
    const write = async (): Promise<void> => this.#deliver(await this.#store.appendEvent(event));
    this.#mailbox.post(write).catch((error: unknown) => {
      const { project, kind, message } = event;
      this.#log.warn('an event could not be stored', { project, kind, message, error: messageOf(error) });
    });
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
