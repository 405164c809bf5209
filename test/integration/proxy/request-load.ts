/** Requests one after the other, each on a connection of its own, until told to stop. */
import type { ProxyFixture } from './proxy-fixture.ts';

const CLIENTS = 4;

export interface LoadResult {
  readonly answered: number;
  readonly failures: readonly string[];
}

export class RequestLoad {
  readonly #proxy: ProxyFixture;
  readonly #port: number;
  readonly #running: readonly Promise<void>[];
  readonly #failures: string[] = [];
  #answered = 0;
  #isOver = false;

  constructor(proxy: ProxyFixture) {
    this.#proxy = proxy;
    this.#port = proxy.port;
    this.#running = Array.from({ length: CLIENTS }, () => this.#run());
  }

  async stop(): Promise<LoadResult> {
    this.#isOver = true;
    await Promise.all(this.#running);
    return { answered: this.#answered, failures: this.#failures };
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        const { status } = await this.#proxy.get('hello.test', '/', {}, this.#port);
        if (status === 200) this.#answered += 1;
        else this.#failures.push(String(status));
      } catch (error) {
        this.#failures.push(String(error));
      }
    }
  }
}
