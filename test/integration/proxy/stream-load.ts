/** Requests over HTTP/2 and TLS by a client that never tries again. It leaves a connection that is going away, as every one does. */
import { type ClientHttp2Session, connect } from 'node:http2';
import type { LoadResult } from './request-load.ts';

const CLIENTS = 2;

export class StreamLoad {
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
    return { answered: this.#answered, failures: this.#failures };
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const state = { isGoing: false };
      const session = connect(`https://127.0.0.1:${this.#port}`, {
        servername: this.#host,
        rejectUnauthorized: false,
      });
      session.on('goaway', () => {
        state.isGoing = true;
      });
      session.on('error', (error) => {
        state.isGoing = true;
        this.#failures.push(`session: ${error}`);
      });
      session.on('close', () => {
        state.isGoing = true;
      });
      while (!this.#isOver && !state.isGoing && !session.closed) {
        const outcome = await this.#ask(session);
        if (outcome === '200') this.#answered += 1;
        else this.#failures.push(outcome);
      }
      session.close();
    }
  }

  #ask(session: ClientHttp2Session): Promise<string> {
    return new Promise((resolve) => {
      let status = 'no answer';
      const stream = session.request({ ':path': '/', ':authority': this.#host });
      stream.once('response', (headers) => {
        status = String(headers[':status']);
      });
      stream.once('error', (error) => resolve(`stream: ${error}`));
      stream.once('close', () => resolve(status));
      stream.resume();
      stream.end();
    });
  }
}
