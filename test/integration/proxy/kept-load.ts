/**
 * Requests over HTTP/1.1 on connections that are kept, by a client of raw sockets that never tries again: an answer that
 * does not come whole is a failure, and so is a connection that ends without having said so.
 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CountedLoad } from './counted-load.ts';

const CLIENTS = 2;
/** Now and then a client thinks before it asks again: its connection is idle, and a request may be coming. */
const THINKS_EVERY = 5;
const THINKS_MS = 30;

export interface KeptLoadOptions {
  readonly port: number;
  readonly host: string;
  readonly isTls?: boolean;
}

export class KeptLoad extends CountedLoad {
  readonly #options: KeptLoadOptions;

  constructor(options: KeptLoadOptions) {
    super(CLIENTS);
    this.#options = options;
  }

  protected async use(): Promise<void> {
    try {
      await this.#askOn(await KeptConnection.open(this.#options));
    } catch (error) {
      this.noteFailure(`HTTP/1.1 ${this.#options.isTls ? 'over TLS' : 'plain'}: ${error}`);
    }
  }

  async #askOn(connection: KeptConnection): Promise<void> {
    try {
      for (let turn = 1; !this.isOver; turn++) {
        const { status, isLast } = await connection.ask(this.#options.host);
        if (status !== 200) throw new Error(`status ${status}`);
        this.noteAnswer();
        if (isLast) {
          this.noteAnnounced();
          return;
        }
        if (turn % THINKS_EVERY === 0) await Bun.sleep(THINKS_MS);
      }
    } finally {
      connection.close();
    }
  }
}

/** One connection, one request at a time; answers have a declared length. */
export class KeptConnection {
  readonly #socket: Socket;
  #heard = '';
  #end: string | null = null;
  #onChange: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const ended = (how: string): void => {
      this.#end ??= how;
      this.#onChange();
    };
    socket.on('data', (bytes: Buffer) => {
      this.#heard += bytes.toString('latin1');
      this.#onChange();
    });
    socket.on('end', () => ended('the connection was closed'));
    socket.on('error', (error) => ended(String(error)));
    socket.on('close', () => ended('the connection was closed'));
  }

  static open({ port, host, isTls = false }: KeptLoadOptions): Promise<KeptConnection> {
    return new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port };
      const socket = isTls
        ? connectTls({ ...to, servername: host, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : connectPlain(to);
      socket.once('error', reject);
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(new KeptConnection(socket));
      });
    });
  }

  /** Rejects when the connection ends before the answer is whole. */
  async ask(host: string, path = '/'): Promise<{ status: number; isLast: boolean; body: string }> {
    if (this.#end !== null) throw new Error(`${this.#end} while nothing was asked, and nobody had said so`);
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    for (;;) {
      const answer = this.#whole();
      if (answer) return answer;
      if (this.#end !== null) throw new Error(`${this.#end} after ${JSON.stringify(this.#heard)}`);
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  close(): void {
    this.#socket.destroy();
  }

  #whole(): { status: number; isLast: boolean; body: string } | null {
    const headEnd = this.#heard.indexOf('\r\n\r\n') + 4;
    if (headEnd < 4) return null;
    const head = this.#heard.slice(0, headEnd);
    const length = Number(/content-length: ([0-9]+)/i.exec(head)?.[1]);
    if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
    if (this.#heard.length < headEnd + length) return null;
    const body = this.#heard.slice(headEnd, headEnd + length);
    this.#heard = this.#heard.slice(headEnd + length);
    return { status: Number(head.split(' ')[1]), isLast: /connection: close/i.test(head), body };
  }
}
