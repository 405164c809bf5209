/** Events in the order they happened: into the store one after the other, then to whoever listens. */
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ProjectEvent } from '../../domain/project-event.ts';
import { isStoreAway, type Store } from '../../store/contract.ts';

export type Listener = (event: ProjectEvent) => void;

/** A store that hangs must not make us remember without end. */
const WAITING_MAX = 10_000;
/** A wake that takes longer does not keep the events of others. */
const PAUSE_MAX_MS = 1_000;
/** A store that is away is asked again. */
const RETRY_MS = 2_000;

type NewEvent = Omit<ProjectEvent, 'id'>;

export class Journal {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Map<Listener, string | null>();
  /** Kept back while a wake is under way. */
  readonly #pending: NewEvent[] = [];
  readonly #due: NewEvent[] = [];
  #pauses = 0;
  /** The store could not take the last one: nothing is tried before its time, or before somebody asks. */
  #isAway = false;
  #writing: Promise<void> | null = null;
  #droppedCount = 0;
  #timer: Timer | null = null;

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Events wait for a store that is away. */
  get isBehind(): boolean {
    return this.#isAway;
  }

  /** Never waits, never fails: an event that cannot be kept is in the log. */
  append(event: NewEvent): void {
    if (this.#due.length + this.#pending.length >= WAITING_MAX) this.#drop();
    this.#pending.push(event);
    if (this.#isAway) return;
    if (this.#pauses === 0) this.#write();
    else this.#timer ??= this.#clock.after(PAUSE_MAX_MS, () => this.#write());
  }

  /** Until `resume` nothing is written, for a second at most: a store that syncs would keep a wake waiting. */
  pause(): void {
    this.#pauses += 1;
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0 && !this.#isAway) this.#write();
  }

  /** Hears of every event stored from now on; returns how to stop. */
  listen(project: string | null, listener: Listener): () => void {
    // Wrapped, so that one function may listen twice.
    const own: Listener = (event) => listener(event);
    this.#listeners.set(own, project);
    return () => void this.#listeners.delete(own);
  }

  /** Resolves when everything appended so far is stored, or the store was found to be away. */
  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#due.push(...this.#pending.splice(0));
    if (this.#due.length > 0) this.#writing ??= this.#writeAll();
  }

  /** In their order: one that a store which is away could not take stays the first. */
  async #writeAll(): Promise<void> {
    for (let event = this.#due[0]; event; event = this.#due[0]) {
      try {
        const stored = await this.#store.appendEvent(event);
        this.#forget(event);
        this.#comeBack();
        this.#deliver(stored);
      } catch (error) {
        if (isStoreAway(error)) {
          this.#waitForStore(error);
          break;
        }
        this.#forget(event);
        const { project, kind, message } = event;
        this.#log.warn('an event could not be stored', { project, kind, message, error: messageOf(error) });
      }
    }
    // With no pause after the last look: what is due from here on begins anew.
    this.#writing = null;
  }

  /** Unless it was dropped meanwhile, it is the first. */
  #forget(event: NewEvent): void {
    if (this.#due[0] === event) this.#due.shift();
  }

  #waitForStore(error: unknown): void {
    if (!this.#isAway) {
      this.#log.warn('events cannot be stored now; they are kept until they can', {
        error: messageOf(error),
      });
    }
    this.#isAway = true;
    this.#timer ??= this.#clock.after(RETRY_MS, () => this.#write());
  }

  #comeBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#log.info('events are stored again', { dropped: this.#droppedCount });
    this.#droppedCount = 0;
  }

  #drop(): void {
    const event = this.#due.shift() ?? this.#pending.shift();
    this.#droppedCount += 1;
    if (event && this.#droppedCount === 1) {
      const { project, kind, message } = event;
      this.#log.warn('too many events wait for the store: the oldest are lost', { project, kind, message });
    }
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
