/** A steady mix of requests over all projects: each is asked, checked to the last byte, and written into the ledger. */
import { ask } from '../e2e/http-client.ts';
import type { Failure, Ledger, RequestKind } from './ledger.ts';
import type { SeededRandom } from './random.ts';

const KINDS: readonly RequestKind[] = ['short', 'short', 'short', 'long', 'upload', 'sse', 'websocket'];
const SSE_MS = 1_500;
const UPLOAD_BYTES = 200_000;
const LONG_MS = 1_200;
/** Beyond a wake behind an engine that is away. */
const PATIENCE_MS = 75_000;

export interface LoadOptions {
  readonly httpPort: number;
  readonly projects: readonly string[];
  readonly clients: number;
  readonly random: SeededRandom;
  readonly ledger: Ledger;
  /** Milliseconds since the beginning of the run. */
  readonly now: () => number;
}

export class MixedLoad {
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[] = [];
  #isOver = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    for (let n = 0; n < this.#options.clients; n++) this.#clients.push(this.#client());
  }

  /** Resolves when the last request has its answer. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    const { random, projects, ledger, now } = this.#options;
    while (!this.#isOver) {
      const project = random.one(projects);
      const kind = random.one(KINDS);
      const startedAt = now();
      const failure = await this.#once(project, kind);
      ledger.record({ project, kind, startedAt, endedAt: now(), failure });
      // Pauses of all lengths around the idle timeout, so that requests cross sleeps.
      await Bun.sleep(random.next() < 0.5 ? random.between(0, 60) : random.between(200, 1_200));
    }
  }

  async #once(project: string, kind: RequestKind): Promise<Failure | null> {
    try {
      if (kind === 'websocket') return await this.#webSocket(project);
      return await this.#request(project, kind);
    } catch (error) {
      return { status: null, what: error instanceof Error ? error.message : String(error) };
    }
  }

  async #request(project: string, kind: Exclude<RequestKind, 'websocket'>): Promise<Failure | null> {
    const body = kind === 'upload' ? 'x'.repeat(UPLOAD_BYTES) : '';
    const paths = { short: '/', long: `/slow?ms=${LONG_MS}`, upload: '/echo', sse: `/sse?ms=${SSE_MS}` };
    const answer = await ask({
      port: this.#options.httpPort,
      host: `${project}.localhost`,
      path: paths[kind],
      timeoutMs: PATIENCE_MS,
      ...(kind === 'upload' && { method: 'POST', body }),
    });
    if (answer.status !== 200) return { status: answer.status, what: codeIn(answer.body) };
    if (kind === 'upload' && answer.body !== body) return { status: 200, what: 'not the body that was sent' };
    return null;
  }

  /** Opens, says something, hears it back, closes. */
  #webSocket(project: string): Promise<Failure | null> {
    const { promise, resolve } = Promise.withResolvers<Failure | null>();
    const headers = { Host: `${project}.localhost` };
    // Bun's own client takes headers; the types of the DOM do not know them.
    const options = { headers } as unknown as string[];
    const socket = new WebSocket(`ws://127.0.0.1:${this.#options.httpPort}/ws`, options);
    const late = setTimeout(() => resolve({ status: null, what: 'a silent WebSocket' }), PATIENCE_MS);
    let echoes = 0;
    socket.onopen = () => socket.send('0');
    socket.onmessage = ({ data }) => {
      if (data !== String(echoes)) resolve({ status: 101, what: `heard ${data} for ${echoes}` });
      echoes += 1;
      if (echoes === 10) resolve(null);
      else setTimeout(() => socket.send(String(echoes)), 100);
    };
    socket.onclose = ({ code }) => resolve({ status: null, what: `the WebSocket closed with ${code}` });
    return promise.finally(() => {
      clearTimeout(late);
      socket.onclose = null;
      socket.close();
    });
  }
}

/** Luma's own answers carry a code. */
function codeIn(body: string): string {
  return /^code: (\S+)$/m.exec(body)?.[1] ?? body.slice(0, 200);
}
