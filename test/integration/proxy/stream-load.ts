/** Requests over HTTP/2, in the clear or over TLS, by a client that never tries again. It leaves a connection that is going away, as every one does. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { CountedLoad } from './counted-load.ts';
import type { KeptLoadOptions } from './kept-load.ts';

const CLIENTS = 2;

export class StreamLoad extends CountedLoad {
  readonly #options: KeptLoadOptions;

  constructor(options: KeptLoadOptions) {
    super(CLIENTS);
    this.#options = options;
  }

  protected async use(): Promise<void> {
    const state = { isGoing: false };
    const { port, host, isTls = false } = this.#options;
    const session = connect(`${isTls ? 'https' : 'http'}://127.0.0.1:${port}`, {
      servername: host,
      rejectUnauthorized: false,
    });
    session.on('goaway', () => {
      if (!state.isGoing) this.noteAnnounced();
      state.isGoing = true;
    });
    session.on('error', (error) => {
      state.isGoing = true;
      this.#fail(`session: ${error}`);
    });
    session.on('close', () => {
      state.isGoing = true;
    });
    while (!this.isOver && !state.isGoing && !session.closed) {
      const outcome = await this.#ask(session);
      if (outcome === '200') this.noteAnswer();
      else this.#fail(outcome);
    }
    session.close();
  }

  #fail(outcome: string): void {
    this.noteFailure(`HTTP/2 ${this.#options.isTls ? 'over TLS' : 'plain'}: ${outcome}`);
  }

  #ask(session: ClientHttp2Session): Promise<string> {
    return new Promise((resolve) => {
      let status = 'no answer';
      const stream = session.request({ ':path': '/', ':authority': this.#options.host });
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
