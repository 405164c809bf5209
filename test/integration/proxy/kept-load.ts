/** Requests on connections that are kept, by a client that never tries again: a reset is a failure. */
import { Agent, request } from 'node:http';
import type { LoadResult } from './request-load.ts';

const CLIENTS = 4;

export class KeptLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  readonly #port: number;
  readonly #host: string;
  readonly #running: readonly Promise<void>[];
  readonly #failures: string[] = [];
  #answered = 0;
  #isOver = false;

  constructor(port: number, host: string) {
    this.#port = port;
    this.#host = host;
    this.#running = Array.from({ length: CLIENTS }, () => this.#run());
  }

  async stop(): Promise<LoadResult> {
    this.#isOver = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
    return { answered: this.#answered, failures: this.#failures };
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const outcome = await this.#ask();
      if (outcome === '200') this.#answered += 1;
      else this.#failures.push(outcome);
    }
  }

  #ask(): Promise<string> {
    return new Promise((resolve) => {
      const headers = { host: this.#host };
      const asked = request(
        { agent: this.#agent, host: '127.0.0.1', port: this.#port, headers },
        (answer) => {
          answer.resume();
          answer.once('end', () => resolve(String(answer.statusCode)));
          answer.once('error', (error) => resolve(String(error)));
        },
      );
      asked.once('error', (error) => resolve(String(error)));
      asked.end();
    });
  }
}
