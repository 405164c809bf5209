/** Clients that ask one after the other until they are told to stop; what they heard is counted here. Each kind of load says how it asks. */

export interface LoadResult {
  readonly answered: number;
  readonly failures: readonly string[];
  /** Connections that the other side had said it would end. */
  readonly announced: number;
}

export abstract class CountedLoad {
  readonly #running: readonly Promise<void>[];
  readonly #failures: string[] = [];
  #answered = 0;
  #announced = 0;
  #isOver = false;

  /** They begin in the next turn, when the subclass is whole. */
  constructor(clients: number) {
    this.#running = Array.from({ length: clients }, () => this.#run());
  }

  async stop(): Promise<LoadResult> {
    this.#isOver = true;
    await Promise.all(this.#running);
    return { answered: this.#answered, failures: this.#failures, announced: this.#announced };
  }

  /** On one connection, or for one request: until `isOver` or the connection goes. What it throws is a failure. */
  protected abstract use(): Promise<void>;

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected noteAnswer(): void {
    this.#answered += 1;
  }

  protected noteAnnounced(): void {
    this.#announced += 1;
  }

  protected noteFailure(what: string): void {
    this.#failures.push(what);
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (!this.#isOver) {
      try {
        await this.use();
      } catch (error) {
        this.#failures.push(String(error));
      }
    }
  }
}
