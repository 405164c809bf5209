/**
 * A small HTTP/1.1 client over a raw socket, one connection per request unless kept: it tells a reset, a short
 * body and a refused connection apart from an answer, which a pooled client hides.
 */
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** From the first byte sent to the last received, milliseconds. */
  readonly durationMs: number;
}

export interface Ask {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** Rejects when the connection fails or ends before the answer is whole. */
export function ask(request: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const socket = connect(request.port, '127.0.0.1');
    const reader = new AnswerReader(request.method === 'HEAD');
    const fail = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(
        new Error(
          `${request.method ?? 'GET'} ${request.host}${request.path ?? '/'}: ${why}; got ${reader.seen}`,
        ),
      );
    };
    const timer = setTimeout(() => fail('no whole answer in time'), request.timeoutMs ?? 90_000);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...reader.answer(), durationMs: performance.now() - startedAt });
    };
    socket.on('connect', () => send(socket, request));
    socket.on('data', (bytes) => {
      if (reader.push(bytes)) finish();
    });
    socket.on('end', () =>
      reader.endOfInput() ? finish() : fail('connection ended before the answer was whole'),
    );
    socket.on('error', (error) => fail(error.message));
  });
}

function send(socket: Socket, request: Ask): void {
  const body = request.body ?? '';
  const headers: Record<string, string> = { Host: request.host, Connection: 'close', ...request.headers };
  if (body) headers['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${request.method ?? 'GET'} ${request.path ?? '/'} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** Collects one answer; knows when it is whole. */
class AnswerReader {
  #bytes = Buffer.alloc(0);
  #bodyAt = -1;
  #status = 0;
  readonly #headers = new Map<string, string>();
  readonly #isHead: boolean;
  #body = '';

  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  get seen(): string {
    return this.#bytes.length ? JSON.stringify(this.#bytes.subarray(0, 200).toString('latin1')) : 'nothing';
  }

  /** True when the answer is whole. */
  push(bytes: Buffer): boolean {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bodyAt < 0) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return false;
      this.#readHead(this.#bytes.subarray(0, end).toString('latin1'));
      if (this.#status >= 100 && this.#status < 200 && this.#status !== 101) {
        this.#bytes = this.#bytes.subarray(end + 4);
        this.#headers.clear();
      } else this.#bodyAt = end + 4;
    }
    return this.#isWhole(false);
  }

  endOfInput(): boolean {
    return this.#bodyAt >= 0 && this.#isWhole(true);
  }

  answer(): Omit<Answer, 'durationMs'> {
    return { status: this.#status, headers: this.#headers, body: this.#body };
  }

  #readHead(text: string): void {
    const [statusLine = '', ...lines] = text.split('\r\n');
    this.#status = Number(statusLine.split(' ')[1]);
    for (const line of lines) {
      const colon = line.indexOf(':');
      this.#headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
  }

  #isWhole(ended: boolean): boolean {
    const body = this.#bytes.subarray(this.#bodyAt);
    if (this.#isHead || this.#status === 204 || this.#status === 304 || this.#status === 101) return true;
    if (this.#headers.get('transfer-encoding') === 'chunked') return this.#unchunk(body);
    const length = this.#headers.get('content-length');
    this.#body = body.toString();
    return length === undefined ? ended : body.length >= Number(length);
  }

  #unchunk(body: Buffer): boolean {
    const parts: Buffer[] = [];
    for (let at = 0; ; ) {
      const lineEnd = body.indexOf('\r\n', at);
      if (lineEnd < 0) return false;
      const size = Number.parseInt(body.subarray(at, lineEnd).toString(), 16);
      if (size === 0) {
        this.#body = Buffer.concat(parts).toString();
        return body.indexOf('\r\n', lineEnd + 2) >= 0;
      }
      if (body.length < lineEnd + 2 + size + 2) return false;
      parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
      at = lineEnd + 2 + size + 2;
    }
  }
}
