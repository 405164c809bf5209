/** A serial queue: one task at a time, in order, at most so many waiting. Its owner alone posts to it. */
import { LumaError } from './errors.ts';

export interface MailboxOptions {
  /** What it belongs to, for error texts: `project my-app`. */
  readonly name: string;
  /** How many tasks may wait behind the running one. Default 100. */
  readonly waitingMax?: number;
}

interface Letter {
  readonly begin: () => Promise<void>;
  readonly refuse: (error: LumaError) => void;
}

const WAITING_MAX = 100;

export class Mailbox {
  readonly #name: string;
  readonly #waitingMax: number;
  readonly #waiting: Letter[] = [];
  readonly #idleListeners: (() => void)[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(options: MailboxOptions) {
    this.#name = options.name;
    this.#waitingMax = options.waitingMax ?? WAITING_MAX;
  }

  /** Tasks that have not begun. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0;
  }

  /**
   * Runs the task after all earlier ones, whether those failed or not, and settles as it does.
   * Rejects with `mailbox_full` or `mailbox_closed` when the task will never begin. A task must not
   * await another task of its own mailbox: that would wait for ever.
   */
  post<T>(task: () => Promise<T> | T): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    if (this.#waiting.length >= this.#waitingMax) return Promise.reject(this.#fullError());
    return new Promise<T>((resolve, reject) => {
      const begin = async (): Promise<void> => {
        try {
          resolve(await task());
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ begin, refuse: reject });
      this.#advance();
    });
  }

  /** Resolves once nothing runs or waits. */
  whenIdle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  /** Refuses what waits and everything later; the running task ends by itself (see `whenIdle`). */
  close(): void {
    this.#isClosed = true;
    for (const letter of this.#waiting.splice(0)) letter.refuse(this.#closedError());
  }

  #advance(): void {
    if (this.#isBusy) return;
    const letter = this.#waiting.shift();
    if (!letter) {
      for (const tell of this.#idleListeners.splice(0)) tell();
      return;
    }
    this.#isBusy = true;
    // `begin` never rejects: it hands every failure to the poster.
    void letter.begin().then(() => {
      this.#isBusy = false;
      this.#advance();
    });
  }

  #fullError(): LumaError {
    return new LumaError('mailbox_full', `${this.#name} has ${this.#waitingMax} tasks waiting already`, {
      hint: 'try again in a moment',
    });
  }

  #closedError(): LumaError {
    return new LumaError('mailbox_closed', `${this.#name} takes no more tasks`);
  }
}
