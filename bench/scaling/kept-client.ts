/** One client with a connection of its own that it keeps: asks, waits for the whole answer, asks again. */
import { connect, type Socket } from 'node:net';

export interface Exchange {
  /** Since the run began, milliseconds. */
  readonly beganMs: number;
  readonly tookMs: number;
  readonly status: number;
  /** Why there was no whole answer. */
  readonly failure: string | null;
}

export interface KeptClientOptions {
  readonly port: number;
  readonly host: string;
  readonly now: () => number;
}

const headEnd = '\r\n\r\n';
/** Longer than any wake may take. */
const patienceMs = 90_000;

export class KeptClient {
  readonly #options: KeptClientOptions;
  #socket: Socket | null = null;
  #received = '';
  #settle: ((failure: string | null) => void) | null = null;

  constructor(options: KeptClientOptions) {
    this.#options = options;
  }

  get isWaiting(): boolean {
    return this.#settle !== null;
  }

  async ask(path: string): Promise<Exchange> {
    const { host, now } = this.#options;
    const beganMs = now();
    this.#received = '';
    const failure = await new Promise<string | null>((settle) => {
      const timer = setTimeout(() => this.#end('no whole answer in time'), patienceMs);
      this.#settle = (why) => {
        clearTimeout(timer);
        settle(why);
      };
      this.#connection().write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    });
    const status = Number(this.#received.slice(9, 12));
    return { beganMs, tookMs: now() - beganMs, status, failure };
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #connection(): Socket {
    if (this.#socket) return this.#socket;
    const socket = connect(this.#options.port, '127.0.0.1');
    socket.on('data', (bytes) => this.#read(bytes.toString('latin1')));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the connection ended before the answer was whole'));
    this.#socket = socket;
    return socket;
  }

  #read(text: string): void {
    this.#received += text;
    const at = this.#received.indexOf(headEnd);
    if (at < 0) return;
    const head = this.#received.slice(0, at);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < at + headEnd.length + length) return;
    // An answer of the edge itself may end its connection: the next request makes another.
    if (/\r\nconnection: *close/i.test(head)) this.#forget();
    this.#tell(null);
  }

  #end(why: string): void {
    this.#forget();
    this.#tell(why);
  }

  #forget(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.removeAllListeners();
    socket?.on('error', () => undefined);
    socket?.destroy();
  }

  #tell(failure: string | null): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(failure);
  }
}

/** Clients that each ask again as soon as they have their answer, until it is told to end. */
export class KeptCrowd {
  readonly exchanges: Exchange[] = [];
  readonly #clients: readonly KeptClient[];
  readonly #work: Promise<void>;
  #isOver = false;

  constructor(options: KeptClientOptions, count: number, path: string) {
    this.#clients = Array.from({ length: count }, () => new KeptClient(options));
    this.#work = Promise.all(this.#clients.map((client) => this.#askOn(client, path))).then(() => undefined);
  }

  get inFlight(): number {
    return this.#clients.filter((client) => client.isWaiting).length;
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    for (const client of this.#clients) client.close();
  }

  async #askOn(client: KeptClient, path: string): Promise<void> {
    while (!this.#isOver) this.exchanges.push(await client.ask(path));
  }
}
